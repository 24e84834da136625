# NoLostUpdate (L32): a field that an answer left out was overwritten unseen
seed 97
profile full
sides 2
create customer on 0
create customer on 0
twin of 7 on 1
sync 536957
