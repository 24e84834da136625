# NoLostUpdate (L32): an update in doubt passed for done because a user had written one of its values
seed 50605
profile stale
sides 2
create customer on 1
sync 728571
alike field 2 of thing 1
edit field 1 of row 6 on 0 late 0
create order on 1
twin of 7 on 0
pass 145 ms
sync 107444
