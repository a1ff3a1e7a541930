"""The command line: one module a command.

`main` reads arguments and environment, and nothing else does; `options` are those of several
commands, `serve` and `run` the two large ones. `access` has the options of
authentication, `token` and `live`; `servers` is `status` and `stop`; `client_config`,
`doctor` and `demo` are the commands of those names; `banner` is what a person reads once the
server is up. Public: `main`.
"""
