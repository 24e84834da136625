# NoLostUpdate (L32): two tries of a create sent different contents, and the first arrived last
seed 10010790
profile mixed
sides 2
create customer on 1
sync 574927
