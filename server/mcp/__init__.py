"""The MCP server.

`server` admits and answers each call (`answers` has its parts), `tool_filter` lists what a caller
may use, and `subscriptions` tells clients that the screen has changed. Public: `server`.
"""
