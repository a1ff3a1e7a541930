"""What programs say of their windows, over AT-SPI.

`tree` reads what the programs tell (`nodes`), over `bus`; `pairing` finds the window on the screen
for each of theirs, `clipping` what of an element shows, `pages` what a browser shows; `elements`
gives each `element` a ref that stays (`refs`; `placement` maps their places to the screen),
`reach` scrolls one to where a click reaches it, and `text_match` compares names.
Public: `elements`.
"""
