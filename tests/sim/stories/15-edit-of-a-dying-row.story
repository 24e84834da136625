# NoFalseConflict (L33): a dead record kept the base from before its last decision
seed 4372
profile full
sides 2
create customer on 1
sync 513637
create customer on 0
edit field 0 of row 2 on 0 late 0
delete row 7 on 1
sync 673524 crash after append 9
edit field 0 of row 6 on 0 late 0
