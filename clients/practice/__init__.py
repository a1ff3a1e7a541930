"""Web sites to practise on: a `shop` and a `game`, both a `site`."""
