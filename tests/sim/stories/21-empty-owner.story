# Converge (L45): an owner that holds nothing met a value that was seeded before it
seed 63030
profile erp
sides 2
sync 990771
create customer on 0
create order on 0
sync 746858 crash before append 6
clear field 1 of row 4 on 1
