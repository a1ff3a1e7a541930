"""Processes of a desktop, kept apart from the machine.

`bubblewrap` makes the sandboxes and `etc_files` their /etc; `process_tree` starts programs in
them and `supervisor`, the first process inside, watches and ends them; `cgroups` limits and
counts what they use; `confine` takes from a worker what it does not need; `egress` and its process
`egress_worker` decide which hosts they reach.
Public: `bubblewrap`, `process_tree`.
"""
