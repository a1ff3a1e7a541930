"""Reads what programs tell over AT-SPI 2, in the way that each toolkit needs.

`bus` asks many questions at once and `connection` knows the programs; `objects` are read in bulk,
`node_maker` gives them names and texts as `nodes`, `clips` tells what of each shows; `lists` knows
how far open lists reach, `office` has LibreOffice's way, `commands` the keys of menus, `texts`
what fields hold; `toolkits` says what differs and `protocol` what AT-SPI calls things; `reader`
puts windows together, and `text_match` compares names.
Public: `tree`.
"""
