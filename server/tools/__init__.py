"""The tools a model calls, by family.

`look` looks, waits and manages windows, `input` acts, `files` copies files, `batch` runs several
steps, `wait` names what can be awaited. `schema` is the form each tool has, `encode` turns frames
into answers, `screen_text` writes the screen as text, `app_view` is the MCP App.
Public: `look`.
"""
