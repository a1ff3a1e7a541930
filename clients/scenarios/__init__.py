"""Scenarios that measure an agent at a desktop, each judged by real state.

A `scenario` is a task with a `site`, a `variation` drawn by seed, a scripted solution that uses a
`visitor` (MCP only), and a check. `runner` runs them and `catalog` lists them.
"""
