# without DeletersJoin breaks NoResurrect (L35): two sides delete, and each had not seen the other's edit (T10)
seed 2
profile full
sides 2
create customer on 0
sync 0
edit field 0 of row 0 on 0 late 0
edit field 2 of row 0 on 1 late 0
sync 5 crash after append 3
delete row 0 on 0
delete row 0 on 1
