"""Pixels, without a display: pictures, tiles, and the text in them.

`image` holds and compares pictures, `tiles` encodes what changed, `press_echo` tells a pressed
button from a change, `ocr` (with its process `ocr_worker`) reads text, and `image_file` (with
`image_worker`) decodes the picture files of anybody.
"""
