# NoLostUpdate (L32): a row that took the place of another inherited its base
seed 2408
profile full
sides 2
create customer on 0
sync 794936 crash after append 6
twin of 0 on 1
sync 378658
delete row 1 on 1
