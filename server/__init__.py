"""The MCP face of a desktop, and the command line.

From the ground up: `auth` and `recording`; `control`; `hosts`; `tools` and `view`; `gate`; `mcp`;
then `http` (all routes), `serve` (the process) and `cli`. `stdio` stands by itself.
"""
