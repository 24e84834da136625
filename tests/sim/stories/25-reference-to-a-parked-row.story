# Converge (L45): a side's own id of a row without a record was no value of that side
seed 54024
profile stale
sides 2
create customer on 1
create customer on 0
twin of 5 on 0
sync 839463
delete row 4 on 1
create order on 1
sync 1023521
refer row 6 on 1 to 1
