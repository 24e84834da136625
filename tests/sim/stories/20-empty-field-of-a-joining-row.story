# Converge (L45): a row that joined its record was not behind where it held nothing
seed 17699
profile full
sides 3
sync 531921
create customer on 1
sync 791914 crash after append 4
twin of 2 on 0
sync 685883 crash after append 2
clear field 0 of row 5 on 0
