"""Installing and describing gloveport: `doctor` examines this machine by `system_packages.txt`,
`installation` knows how this program got here, `mcpb` makes bundles for Claude Desktop, and
`reference` describes the command line.
"""
