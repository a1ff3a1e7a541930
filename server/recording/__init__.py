"""What happened on a desktop: `recorder` keeps the events, each of an
`actor`; `describe` and `human_input` put calls and a person's input into short sentences.
"""
