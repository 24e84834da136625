# Converge (L45): the answer to a repeated create showed a user's edit, and it became the base
seed 193
profile full
sides 2
create customer on 0
sync 423597
pass 116 ms
create customer on 1
delete row 5 on 0
create customer on 1
sync 715405
