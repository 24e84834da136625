# NoDuplicate (L37), Bootstrap (L50): rows were linked behind a listing that was cut
seed 228
profile full
sides 2
create customer on 1
create customer on 0
twin of 4 on 1
twin of 2 on 0
sync 298337
delete row 7 on 1
