"""Speak MCP to a desktop: the reference agent, vendor adapters, recipes, scenarios.

`desk` is the client that all build on (public: `connect`). `agents` has the models,
`scripted` agents without one, `practice` the sites they work on, and `recipes` how other clients
are configured.
"""
