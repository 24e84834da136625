# HeadOfLine (L43): a customer that a row in conflict refers to was deleted for ever
seed 6840
profile full
sides 2
create customer on 1
create customer on 1
sync 173264
create order on 1
delete row 3 on 0
twin of 0 on 0
