"""Checkpoints to roll back to: `history` keeps them and says before which
actions one is made.
"""
