"""The MCP face of a desktop, and the command line."""
