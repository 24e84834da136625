# NoFalseConflict (L33): a field that was set and not answered was taken as unchanged, then as an edit
seed 5209
profile full
sides 2
create customer on 0
sync 846772
edit field 2 of row 0 on 0 late 0
sync 150438
