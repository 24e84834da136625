# NoFalseConflict (L33): the merged value stood against a change that had been made on top of it
seed 2029
profile full
sides 3
create customer on 0
sync 406166
edit field 2 of row 1 on 1 late 15
edit field 2 of row 5 on 1 late 0
edit field 2 of row 7 on 0 late 0
create order on 0
sync 578315 crash before append 7
