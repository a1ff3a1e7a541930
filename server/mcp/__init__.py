"""The MCP server, and the only package besides `tools.schema` that knows the SDK's types.

`server` offers the tools and finds the gate of each call, `wire` decodes a call and encodes its
result, `tool_filter` lists what a caller may use, and `subscriptions` tells clients that the screen
has changed. Public: `server`.
"""
