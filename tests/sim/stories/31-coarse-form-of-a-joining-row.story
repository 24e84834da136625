# breaks NormalisedBack (L16): the row of a create in doubt is found by its key; what the side made of a value came back
# and replaced it where it was written
seed 266
profile erp
sides 2
create customer on 0
create customer on 1
edit field 1 of row 3 on 1 late 0
edit field 1 of row 3 on 1 late 0
sync 801599
delete row 3 on 1
sync 732094
delete row 1 on 0
edit field 0 of row 5 on 0 late 0
edit field 2 of row 0 on 0 late 0
edit field 0 of row 4 on 1 late 0
create customer on 0
sync 88183
