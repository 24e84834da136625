# NoFalseConflict (L33), T14: a stale list brought back a content that a late commit had replaced
seed 57956
profile stale
sides 2
create customer on 1
sync 367135
edit field 3 of row 5 on 0 late 60
create customer on 0
edit field 1 of row 4 on 0 late 0
pass 122 ms
sync 480960
sync 531139
