"""The tools a model calls, by family.

`look` looks, waits and manages windows, `input` acts, `files` copies files, `batch` runs several
steps, `wait` names what can be awaited. `schema` is the form each tool has, `invocation` what one
is run with, `encode` turns frames into results, `screen_text` writes the screen as text,
`app_view` is the MCP App. Public: `look`.
"""
