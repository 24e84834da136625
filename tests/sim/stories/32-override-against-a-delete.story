# without OverridesDoNotVote breaks NoResurrect (L35): a write to the owner's field does not outlive the owner's delete (T20)
seed 2
profile full
sides 2
create customer on 1
heal
edit field 1 of row 0 on 0 late 0
delete row 0 on 1
heal
