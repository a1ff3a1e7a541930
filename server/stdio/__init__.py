"""A server over stdin and stdout, for clients that start one.

`bridge` passes messages on to a server's URL and answers the first ones itself (`greeting`),
`autostart` starts a server of its own, `local_servers` finds and ends this user's servers, and
`state_folder` is where they are known by name. Imports neither the SDK nor the sandbox.
"""
