# NoLostUpdate (L32): the same, and the owner never had a row at all
seed 10032901
profile full
sides 3
create customer on 0
sync 157531
create customer on 2
edit field 1 of row 1 on 1 late 0
create customer on 2
sync 335938
delete row 2 on 0
