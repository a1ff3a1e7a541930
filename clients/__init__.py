"""Speak MCP to a desktop: the reference agent, vendor adapters, recipes, scenarios."""
