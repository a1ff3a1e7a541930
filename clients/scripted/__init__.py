"""Agents without a model, for the demo and tests: `shopper` and `player` go
by the picture (`picture_search`), `reader` by text.
"""
