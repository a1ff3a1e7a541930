"""The way of every call to a desktop.

`gate` has its steps in one list: scope, record, redaction, policy, lease, queue, tool; `callers`
keeps what each caller knows, and `held` releases what one has left pressed. Public: `gate`.
"""
