# Counter (L48): a user's movement that made the same count was taken for ours
seed 9523
profile full
sides 2
create customer on 1
create order on 1
sync 480046
move stock of row 0 on 0 by 2
create customer on 1
sync 566784
