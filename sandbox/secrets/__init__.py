"""Secrets of the operator: `store` holds them and takes them out of every text,
`redaction` covers the fields of the screen that hold one.
"""
