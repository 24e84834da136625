# Converge (L45): a conflict stayed after one of the two had taken the change back
seed 1451
profile full
sides 3
create customer on 2
sync 325602
edit field 2 of row 4 on 1 late 0
edit field 2 of row 3 on 2 late 0
sync 779702
undo field 2 of row 6 on 2
