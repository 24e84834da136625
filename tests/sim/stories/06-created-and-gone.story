# Terminate (L42): a create that was done and deleted at once was sent for ever
seed 585
profile full
sides 2
create customer on 0
sync 772139
