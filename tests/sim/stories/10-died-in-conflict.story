# NoLostUpdate (L32): merged values of a record that died in conflict were not recorded
seed 5633
profile full
sides 2
create customer on 1
twin of 5 on 0
sync 889860 crash before append 7
delete row 1 on 0
