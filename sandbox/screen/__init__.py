"""What a desktop shows: captured, awaited, searched, and broadcast.

`capture` takes pictures and waits until the screen rests (rules in `settle`), `locator` finds an
element in the accessibility tree or by OCR (best first: `ranking`). For people who watch,
`live_capture` takes pictures on a thread of its own, `stream_redaction` covers secrets in them, and
`broadcast` sends them.
Public: `capture`, `locator`, `broadcast`.
"""
