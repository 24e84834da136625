# Converge (L45), NoLostUpdate (L32): an owner's row met a value that was seeded before it
seed 808
profile full
sides 2
create customer on 0
create customer on 1
create customer on 0
sync 820744
twin of 0 on 1
