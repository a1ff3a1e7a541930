"""Programs that use more than a desktop may. All are bounded, in count, size and time."""

from gloveport.sandbox.isolation.bubblewrap import Limits

MIB = 1 << 20
LIMITS = Limits(memory=300 * MIB, processes=300, disk=150 * MIB)
"""Small enough that the bombs go off."""

HOG = """
import time
held = []
for _ in range(1000):
    held.append(bytes(b'x' * (1 << 20))); time.sleep(0.002)
time.sleep(5)
"""
FORKS = """
import os, time
until = time.monotonic() + 20
made = 0
while made < 2000 and time.monotonic() < until:
    try:
        if os.fork() == 0: {own}; made = 0
        made += 1
    except OSError: time.sleep(0.01)
"""
"""`own` is what each of them does first."""
FILES = """
import time
for n in range(40):
    with open(f'{folder}/big{{n}}', 'wb') as file: file.write(bytes(8 << 20))
    time.sleep(0.02)
time.sleep(5)
"""
