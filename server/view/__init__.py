"""The live view: `routes` serves its page (`static/`), events and commands,
`seat` and `vnc_session` are one viewer's connection, and `rfb` is the protocol of VNC.
"""
