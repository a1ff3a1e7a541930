"""Who may act on a desktop, and when.

`call` is one call and its result as values, `lease` says who is in control, `call_queue` keeps the
calls in order, `policy` (with `page_addresses`, and `label_words` in many languages) says what is
allowed or needs approval; `questions` are those to people, and `elicitation` how one reaches a
person. `session` is one desktop among all who use it. Public: `call`, `session`, `policy`.
"""
