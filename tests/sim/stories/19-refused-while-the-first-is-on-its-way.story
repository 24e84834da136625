# Counter (L48): a repetition was refused, and the first request was carried out after that
seed 62366
profile mixed
sides 2
create customer on 0
create order on 0
create customer on 1
sync 954352
move stock of row 1 on 0 by 4
sync 758481
