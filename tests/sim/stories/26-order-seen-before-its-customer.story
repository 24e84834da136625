# HeadOfLine (L43): a customer died although an order that was seen before it refers to it
seed 10065189
profile full
sides 2
sync 564877
create customer on 0
create order on 0
sync 746901 crash before append 8
sync 190528
