# HeadOfLine (L43): an order seen after its customer was decided dead never revived it
seed 32
profile full
sides 2
create customer on 1
sync 596649
delete row 7 on 1
create order on 0
sync 734089
