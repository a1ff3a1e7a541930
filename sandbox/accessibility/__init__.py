"""What programs say of their windows, over AT-SPI.

`atspi` reads what the programs tell; `pairing` finds the window on the screen for each of theirs,
`pages` knows what a browser shows; `elements` gives each `element` a ref that stays (`refs`;
`placement` maps their places to the screen, `listing` leaves out what only repeats something else),
`fields` knows what labels lead to, and `reach` scrolls one to where a click reaches it.
Public: `elements`.
"""
