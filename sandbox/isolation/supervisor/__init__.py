"""The parent of every process in one desktop; a program of its own.

It starts what its owner tells it to over a socket, reports what ended, starts again what must not
end, and when the owner closes the socket, or dies, it ends every process below it and removes the
paths it was told to. Orphans inside the desktop become its children (PR_SET_CHILD_SUBREAPER), so
nothing that was started here can outlive it.

`main` serves the owner; `system` has the kernel's calls; `processes`, `paths` and `copies` list and
stop programs, reach deep folders and copy the home; `rollback` takes it back; `home_files` opens
files for the owner; `watchdog` ends what uses more than it may. These modules know no other
package: the system's Python runs them in the desktop.

The socket carries one JSON object a packet (SOCK_SEQPACKET):
    asked     {"id": 1, "start": [argv], "env": {}, "cwd": "/", "log": false, "keep": false}
                  with the file descriptors the program inherits; "{fd:0}" in argv stands for the
                  number of the first of them; with "log" the last of them is its output
              {"id": 2, "signal": 15, "pid": 123}
              {"id": 3, "listen": 3128}
              {"id": 4, "freeze": true}      stop all programs, or let them go on; only as PID 1
              {"id": 5, "commands": [pids]}  what processes run
              {"id": 6, "fork": uid, "pages": 123, "folders": [paths]}
                  be the root of namespaces of its own in a fork, as a user where this is root, with
                  the descriptors of its socket and its output; `pages`: see `share_less`,
                  `folders`: see `reach`
              {"id": 7, "open": "folder" | "file" | "new", ...}  {"id": 8, "place": ...}
                  files of the home; see `Files`
              {"id": 9, "copy": "folder", "to": "folder", "last": "folder"}  see `SnapshotCopier`
              {"id": 10, "rollback": {...}}  see `Rollback`
              {"id": 12, "grace": 5.0, "first": pid}
                  at the end that process ends by itself before all others are ended; 0: programs
                  are asked to end, those that others of the same name did not start
              {"remove": [paths]}  {"id": 11, "spare": "path"}  at the end; not after all
    answered  {"id": 1, "pid": 123, "started": true}  {"id": 1, "error": "why"}  also of a fork
              {"id": 3} with the descriptor of a socket that listens on 127.0.0.1
              {"id": 4}  {"id": 5, "commands": [[[argv], "directory", [held]]]}
              {"id": 7, "replaces": false} with descriptors, {"id": 8}, or both with "at", the part
                  of the path that stands in the way, and "found", what it is, or "error", why
              {"id": 9, "bytes": 123, "new": 12}, or "error", why; {"id": 10} also
    told      {"ended": 123, "status": 0}  {"restarted": 123, "pid": 456}
              {"notice": "what was ended because it used more than it may"}

A second argument, a JSON object, says what the box may use: see `ResourceWatchdog`, `shorten`.
"""
