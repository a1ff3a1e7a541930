"""The settings of programs are there behind the walls, and nothing private of the machine's."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from attempts import PYTHON, Attempt

from gloveport.sandbox.isolation.etc_files import shown

SECRET = "hunter2 of the machine"
PRIVATE = (
    "shadow", "shadow-", "gshadow", "passwd-", "sudoers.d/admins", "ssh/ssh_host_rsa_key",
    "ssh/ssh_config", "ssl/private/server.pem", "ssl/server.key", "tool/site.pem", "tool/token",
    "tool/deep/er/db-password.txt", "tool/Client_Secret.json", "pki/tls/private/a.crt",
    "apt/auth.conf.d/mirror", "apt/sources.list", "pip.conf", "xdg/pip/pip.conf", "npmrc", "netrc",
    "environment", "default/daemon", "cron.d/job", "NetworkManager/system-connections/home",
    "wireguard/wg0.conf", "krb5.keytab", "postgresql/15/main/pg_hba.conf", "hosts", "resolv.conf",
    "fstab", "machine-id", "letsencrypt/live/a/privkey.pem", "kubernetes/admin.conf",
    "docker/daemon.json", "app/.git/config", "shadow.bak", "wgetrc~",
)  # fmt: skip
SHOWN = (
    "gimp/2.0/menurc", "java-17-openjdk/security/java.security", "ImageMagick-6/policy.xml",
    "vim/vimrc", "thunderbird/pref/a.js", "gtk-2.0/im-multipress.conf", "bash.bashrc", "profile",
    "ssl/certs/ca.pem", "pki/ca-trust/anchors/a.pem", "fonts/fonts.conf", "xdg/autostart/a.desktop",
    "unheard-of/settings.ini", "mime.types",
)  # fmt: skip
READ = """
import json, os
def read(path):
    try:
        return open(path, errors='replace').read(9999)
    except OSError as why:
        return None
print(json.dumps({os.path.join(d, f): read(os.path.join(d, f))
                  for d, _, fs in os.walk('/etc', followlinks=True) for f in fs}))
"""


@pytest.fixture
def seen(below: Path, tmp_path: Path) -> dict[str, str | None]:
    """What a box reads of an /etc of secrets and settings, by path."""
    etc = tmp_path / "etc"
    for name in (*PRIVATE, *SHOWN):
        path = etc / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET if name in PRIVATE else name)
        path.chmod(0o644)  # of none the mode alone says that it is private
    for number, mode in enumerate((0o600, 0o640, 0o000, 0o660, 0o710)):
        for name in (f"unreadable{number}.conf", f"gimp/unreadable{number}"):
            (etc / name).write_text(SECRET)
            (etc / name).chmod(mode)
        closed = etc / f"gimp/closed{number}"
        closed.mkdir()
        (closed / "inside").write_text(SECRET)
        closed.chmod(mode)
    outside = tmp_path / "outside"
    outside.write_text(SECRET)
    (etc / "leads-out").symlink_to(outside)
    (etc / "gimp/leads-out").symlink_to(outside)
    os.mkfifo(etc / "gimp/pipe")
    base = ["bwrap", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib"]
    base += ["--symlink", "usr/lib64", "/lib64"]
    ran = subprocess.run(
        [*base, *shown(etc), "--", PYTHON, "-c", READ], capture_output=True, check=True, timeout=30
    )
    return json.loads(ran.stdout)


def test_no_secret_of_the_machine_is_read(seen: dict[str, str | None]) -> None:
    assert [path for path, text in seen.items() if SECRET in (text or "")] == []


def test_settings_of_programs_are_read_whoever_they_are(seen: dict[str, str | None]) -> None:
    assert {name: seen.get(f"/etc/{name}") for name in SHOWN} == {name: name for name in SHOWN}


def test_what_not_everybody_may_read_here_is_not_read_there(inside: Attempt) -> None:
    told = json.loads(inside(READ))
    private: list[str] = []
    for folder, folders, files in os.walk("/etc"):
        for path in (Path(folder, name) for name in folders + files):
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode) and not mode & stat.S_IROTH:
                private.append(str(path))
    assert private
    for path in private:
        assert not [
            one for one, text in told.items() if (one + "/").startswith(path + "/") and text
        ]


def test_the_desktop_has_people_and_hosts_of_its_own(inside: Attempt) -> None:
    told = json.loads(inside(READ))
    assert told["/etc/passwd"].splitlines()[1].startswith("user:x:1000:")
    assert "sandbox" in told["/etc/hosts"]
    assert told["/etc/machine-id"] != Path("/etc/machine-id").read_text()
    for path in (
        "hostname",
        "resolv.conf",
        "shadow",
        "pip.conf",
        "environment",
        "apt/sources.list",
    ):
        assert f"/etc/{path}" not in told
