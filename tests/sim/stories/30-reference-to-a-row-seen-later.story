# HeadOfLine (L43): a customer died, and an order in conflict about its customer refers to it, seen before it
seed 10030789
profile mixed
sides 2
create customer on 1
create customer on 0
create order on 0
heal
create order on 0
edit field 3 of row 5 on 0 late 0
create customer on 1
twin of 5 on 1
sync 452057
