# NoPhantomDelete (L36): a copy refers to a customer that died before the copy had a row
seed 881012
profile rules
sides 2
create customer on 1
sync 679308
create customer on 1
twin of 5 on 0
delete row 0 on 0
create order on 0
twin of 4 on 1
