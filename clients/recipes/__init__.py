"""How each client is told of a desktop: `table` has the recipes, and
`settings_file` writes them into a client's settings.
"""
