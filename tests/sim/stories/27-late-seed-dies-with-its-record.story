# NoLostUpdate (L32): another side had seeded a field late, its owner had no row yet, and a delete dropped the value
seed 10031545
profile full
sides 3
create customer on 0
sync 138561
create customer on 1
sync 267583
edit field 0 of row 7 on 0 late 0
edit field 3 of row 0 on 1 late 0
heal
create customer on 2
create order on 2
create customer on 2
sync 19556 crash before append 9
sync 914141
