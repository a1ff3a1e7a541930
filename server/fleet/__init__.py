"""The gateway to the desktops of several servers: `gateway` is its app, `directory` knows whose
desktop is meant, `mcp` routes messages, `relay` passes requests and streams on, over the
connections of `upstream`.
"""
