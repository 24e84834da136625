# without ListAllFirst and UnreadCreatesNothing breaks Bootstrap (L50): the listing of the side that has the row fails
seed 10
profile full
sides 2
create customer on 0
twin of 0 on 1
pass 150 ms
sync 471325
