# NoLostUpdate (L32): a second look at a row forgot what the first had shown
seed 4917
profile full
sides 2
create customer on 0
sync 810576
