# Converge (L45): a value beside an owner that never had one was overruled and not put back
seed 36
profile full
sides 2
create customer on 1
create order on 1
create customer on 1
sync 707166
create customer on 0
sync 129109
