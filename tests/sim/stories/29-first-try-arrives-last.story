# breaks NoLostUpdate (L32)
seed 10010790
profile mixed
sides 2
create customer on 1
sync 574927
