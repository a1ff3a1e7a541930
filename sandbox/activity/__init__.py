"""What programs of a desktop are busy with, asked of the kernel.

`cpu` counts the CPU time of its processes, `requests` the network requests that are in flight.
"""
