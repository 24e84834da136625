# NoFalseConflict (L33): the death mark of a row was read as "behind in every field"
seed 96
profile full
sides 2
create customer on 0
sync 988719
delete row 5 on 1
sync 881067
