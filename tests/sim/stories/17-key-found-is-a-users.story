# NoLostUpdate (L32): a user's row with the key of a create in doubt was taken for ours
seed 2408
profile erp
sides 2
create customer on 0
sync 794936 crash after append 6
twin of 0 on 1
