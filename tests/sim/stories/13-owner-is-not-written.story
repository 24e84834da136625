# Ownership (L31): a row typed in while its create was due was given its own field
seed 9465
profile full
sides 2
sync 711119
create customer on 0
sync 41974 crash after append 3
twin of 1 on 1
sync 132230
