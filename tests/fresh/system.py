"""A new Debian system in a folder, made by debootstrap, and commands run in it as on a machine.

It has a root of its own by pivot_root, not chroot, so that user namespaces work in it. Packages
come from where apt, pip and npm of this machine get theirs.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from checkout import copy_of_the_repository
from container.image import machine_settings, mirrors

INSIDE = "/usr/sbin:/usr/bin:/sbin:/bin"
# The settings of this machine, and where they are in the system.
SETTINGS = {
    "sources.list": "etc/apt/sources.list",
    "apt.conf": "etc/apt/apt.conf.d/99machine",
    "pip.conf": "etc/pip.conf",
    "npmrc": "etc/npmrc",
    "certificates.pem": "mnt/certificates.pem",
}
ENTER = """
set -e
cd "$1"; shift
mount --bind . .
cd "$PWD"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mkdir -p old
pivot_root . old
umount -l /old
exec setpriv "$@"
"""


@dataclass(frozen=True, slots=True)
class System:
    """A Debian of its own.

    Args:
        root: Its folder.
        suite: Its release, such as trixie.
    """

    root: Path
    suite: str

    def make(self) -> None:
        """Install what every Debian has, sudo, and two users: ada, who may use it, and bob."""
        site = mirrors(self.suite)[0][0]
        include = "--include=ca-certificates,sudo,python3"
        subprocess.run(
            ["debootstrap", "--variant=minbase", include, self.suite, self.root, site],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        settings = self.root.with_suffix(".settings")
        machine_settings(settings, self.suite)
        for name, there in SETTINGS.items():
            if (settings / name).exists():
                shutil.copy(settings / name, self.root / there)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        for user in ("ada", "bob"):
            self.run("useradd", "--create-home", "--shell", "/bin/sh", user).check_returncode()
        (self.root / "etc/sudoers.d/ada").write_text("ada ALL=(ALL) NOPASSWD: ALL\n")
        for home, user in (("root", "root"), ("home/ada", "ada"), ("home/bob", "bob")):
            copy_of_the_repository(self.root / home / "gloveport")
            inside = f"/{home}/gloveport"
            self.run("chown", "-R", f"{user}:", inside).check_returncode()

    def run(
        self, *words: str, user: str = "root", says: str = "", seconds: float = 1500
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the system, in the user's checkout if there is one."""
        home = "/root" if user == "root" else f"/home/{user}"
        inner = [
            "--reuid", user, "--regid", user, "--init-groups", "--reset-env", "env",
            f"PATH={INSIDE}", "npm_config_globalconfig=/etc/npmrc", "sh", "-c",
            f'cd {home}/gloveport 2>/dev/null || cd /; exec "$@"', "sh", *words,
        ]  # fmt: skip
        return subprocess.run(
            ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--propagation",
             "private", "sh", "-c", ENTER, "sh", self.root, *inner],
            input=says, capture_output=True, text=True, errors="replace", check=False,
            timeout=seconds,
        )  # fmt: skip
