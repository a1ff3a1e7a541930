"""Undo is exact: every kind of file, and what programs write while a checkpoint is made."""

from answers import call, facts
from attempts import PYTHON, run_inside
from desks import session_of
from mcp import Client
from processes import until

from gloveport.sandbox.desktop import Desktop

MAKE = r"""
import os, socket
os.makedirs('/home/user/odd/locked/in'); os.chdir('/home/user/odd')
open('plain', 'w').write('plain'); os.link('plain', 'second name')
with open('sparse', 'wb') as file: file.seek(50 << 20); file.write(b'end')
os.mkfifo('pipe'); os.symlink('nowhere', 'dangling')
socket.socket(socket.AF_UNIX).bind('socket')
for name in ('-rf', 'a\nb', b'\xff\xfe', ' ', '小米', '*', 'x' * 255):
    open(name, 'w').write('odd')
os.setxattr('plain', 'user.note', b'kept'); os.setxattr('locked', 'user.of', b'folder')
open('locked/in/file', 'w').write('locked')
open('mode', 'w').write('mode'); os.chmod('mode', 0o4751)
os.utime('plain', ns=(1, 1_000_000_007))
os.mkdir('becomes a file'); open('becomes a folder', 'w').write('file')
os.chmod('locked', 0)
"""
STATE = r"""
import hashlib, os, stat
os.chdir('/home/user/odd')
os.chmod('locked', 0o700) if os.path.isdir('locked') else None
inodes = {}
for root, folders, names in os.walk(b'.'):
    folders.sort()
    for name in sorted(folders + names):
        path = os.path.join(root, name)
        told = os.lstat(path)
        kind = stat.S_IFMT(told.st_mode)
        extra = os.readlink(path) if kind == stat.S_IFLNK else b''
        if kind == stat.S_IFREG:
            extra = hashlib.sha1(open(path, 'rb').read()).hexdigest()
            extra += str(inodes.setdefault(told.st_ino, len(inodes)))
            extra += ' sparse' if told.st_blocks * 512 < told.st_size // 2 else ''
        marks = [] if kind == stat.S_IFLNK else os.listxattr(path)
        marks = [(one, os.getxattr(path, one)) for one in marks]
        when = told.st_mtime_ns if kind != stat.S_IFDIR else 0
        size = told.st_size if kind == stat.S_IFREG else 0
        print(path, oct(told.st_mode), size, when, extra, marks)
"""
RUIN = r"""
import os, shutil
os.chdir('/home/user/odd')
os.chmod('locked', 0o700); shutil.rmtree('locked'); os.unlink('pipe'); os.unlink('sparse')
open('plain', 'a').write('more'); os.setxattr('plain', 'user.note', b'lost')
os.chmod('mode', 0o600)
os.rmdir('becomes a file'); open('becomes a file', 'w').write('x')
os.unlink('becomes a folder'); os.mkdir('becomes a folder'); os.rename('-rf', 'other')
"""


async def test_files_of_every_kind(desktop: Desktop, agent: Client) -> None:
    session = session_of(desktop)
    run_inside(session, MAKE)
    facts(await call(agent, "checkpoint"))  # with the folder that nobody may look into
    before = run_inside(session, STATE)
    assert before.count("\n") >= 19, before
    for _ in range(2):
        run_inside(session, RUIN)
        assert run_inside(session, STATE) != before
        facts(await call(agent, "rollback", to="c1"))
        assert run_inside(session, STATE) == before


# Each transaction moves one from a column to another, so that every consistent state has this sum.
SQLITE = """
import sqlite3
base = sqlite3.connect('/home/user/base.db', isolation_level=None)
base.execute('pragma journal_mode=wal'); base.execute('create table t (a int, b int, n int)')
base.execute('insert into t values (0, 1000000, 0)')
print('ready', flush=True)
while True:
    base.execute('begin'); base.execute('update t set a = a + 1, n = n + 1')
    base.execute('update t set b = b - 1'); base.execute('commit')
"""
CHECK = """
import sqlite3
base = sqlite3.connect('/home/user/base.db')
print(base.execute('pragma integrity_check').fetchone()[0],
      *base.execute('select a + b, a - n from t').fetchone())
"""


async def test_a_database_under_load(desktop: Desktop, agent: Client) -> None:
    session = session_of(desktop)
    session.launch([PYTHON, "-c", SQLITE])
    assert until(lambda: session.folder.last_words(PYTHON) == "ready", 20)
    for name in ("c1", "c2", "c3"):
        assert facts(await call(agent, "checkpoint"))["checkpoint"] == name
    for name in ("c2", "c1", "c3"):
        facts(await call(agent, "rollback", to=name))
        assert run_inside(session_of(desktop), CHECK) == "ok 1000000 0\n"


COMMITS = """
cd /home/user && git init -q repository && cd repository
git config user.name a && git config user.email a@localhost && git config gc.auto 0
i=0; while true; do
  i=$((i + 1)); echo $i > file; echo $i > "file$((i % 20))"; git add -A; git commit -q -m $i
  [ $i != 3 ] || echo ready
done
"""
# What was cut off amid a commit may have left the lock of it, and objects that nothing names.
FSCK = """
import subprocess
def git(*args):
    done = subprocess.run(['git', '-C', '/home/user/repository', *args],
                          capture_output=True, text=True)
    return done.returncode, done.stdout.strip(), done.stderr.strip()
code, _, said = git('fsck', '--full', '--strict', '--no-dangling')
number = git('log', '-1', '--format=%s')[1]
print(code, said, git('show', 'HEAD:file')[1] == number, int(number) >= 3)
"""


async def test_a_repository_amid_commits(desktop: Desktop, agent: Client) -> None:
    session = session_of(desktop)
    session.launch(["sh", "-c", COMMITS])
    assert until(lambda: session.folder.last_words("sh") == "ready")
    for name in ("c1", "c2", "c3", "c4"):
        assert facts(await call(agent, "checkpoint"))["checkpoint"] == name
    for name in ("c2", "c4", "c1", "c3"):
        facts(await call(agent, "rollback", to=name))
        assert run_inside(session_of(desktop), FSCK) == "0  True True\n"
