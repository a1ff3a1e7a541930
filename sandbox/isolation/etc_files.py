"""The machine's /etc as a desktop sees it: the settings of its programs, and nothing private.

Programs need settings that nobody can list beforehand (GIMP its menus, Java its security file), so
all is shown but what is hidden here: what not everybody on this machine may read, what describes
the machine, its people, its network and its services, and what is called like a key or a password.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import translate
from pathlib import Path

ETC = Path("/etc")
# Of /etc itself, in lower case, with the wildcards of a shell.
_PRIVATE = (
    # People and what they may do; a desktop has its own passwd and group.
    "passwd*", "group*", "subuid*", "subgid*", "security", "pam.*", "sudo*", "doas*", "polkit*",
    "selinux", "apparmor*", "audit*", "login.defs", "adduser*", "deluser*", "default", "skel",
    "ssh*", "krb5*", "gss*", "ldap*", "sssd*", "ipa*", "openldap", "pki-*", "gnupg",
    # The machine and its network.
    "hostname", "hosts*", "host.conf", "networks", "network", "networkmanager", "netplan",
    "resolv*", "nsswitch*", "machine-*", "fstab", "mtab", "crypttab", "exports*", "auto*",
    "ethertypes", "dhcp*", "ppp*", "chatscripts", "wpa*", "wireguard", "openvpn*", "ipsec*",
    "strongswan*", "swanctl", "vpnc", "iproute2", "iptables", "nftables*", "ufw", "firewalld",
    "bluetooth", "iscsi", "multipath*", "lvm", "mdadm*", "zfs", "cloud", "issue*", "motd",
    # What installs software, with the addresses and passwords of its sources.
    "apt", "dpkg", "yum*", "dnf", "zypp", "pacman*", "apk", "packagekit", "pip*", "npmrc",
    "gitconfig", "netrc", "wgetrc", "curlrc", "maven", "conda*", "gem*", "environment*",
    # Services.
    "systemd", "init*", "rc[0-9s].d", "runit", "cron*", "at.*", "anacrontab", "logrotate*",
    "logcheck", "rsyslog*", "rsyncd*", "sysctl*", "modprobe.d", "modules*", "udev", "kernel",
    "tmpfiles.d", "update-motd.d", "binfmt.d", "docker", "containers", "containerd", "podman",
    "kubernetes", "rancher", "cni", "nomad*", "consul*", "vault*", "ansible", "puppet*", "chef",
    "salt", "apache2", "httpd", "nginx", "lighttpd", "caddy", "haproxy", "tomcat*", "jenkins",
    "postgresql*", "mysql", "mariadb*", "mongo*", "redis", "rabbitmq", "elasticsearch", "grafana",
    "prometheus", "zabbix", "nagios*", "monit", "munin", "snmp", "samba", "nfs*", "vsftpd*",
    "proftpd", "postfix", "exim*", "dovecot", "aliases*", "mail*", "msmtprc", "ssmtp", "bind",
    "named*", "dnsmasq*", "unbound", "letsencrypt", "acme*", "fail2ban", "clamav", "libvirt",
    "qemu*", "pve", "gitlab*", "gitea", "aws*", "gcloud", "azure*", "boto*", "debuginfod",
    "*-", "*~", "*.bak", "*.old", "*.orig", "*.dpkg-*", "*.rpm*",
)  # fmt: skip
# Anywhere below it.
_KEYS = (
    "*.key", "*_key", "*.keytab", "*.p12", "*.pfx", "*.jks", "*.kdbx", "*.ovpn", "*.gpg", "*.asc",
    "*secret*", "*password*", "*passwd*", "*shadow*", "*credential*", "*token*", "id_*", "private",
    "netrc", ".netrc", ".git", "pip", "pip.conf", "npmrc",
)  # fmt: skip
_CERTIFICATES = ("certs", "ca-certificates", "trust-source", "anchors")  # their .pem is no key
_READ, _ENTER = stat.S_IROTH, stat.S_IROTH | stat.S_IXOTH
_MOST_HIDDEN = 40  # in one entry of /etc; one with more is not shown at all
_IS_PRIVATE = re.compile("|".join(map(translate, (*_PRIVATE, *_KEYS))))
_IS_KEY = re.compile("|".join(map(translate, _KEYS)))


def shown(etc: Path = ETC) -> list[str]:
    """Return the arguments of bubblewrap that show a desktop its /etc.

    Args:
        etc: The folder that it is made of.
    """
    words: list[str] = []
    for entry in sorted(os.scandir(etc), key=lambda one: one.name):
        with suppress(OSError):  # what has just gone, or cannot be looked into
            if not _IS_PRIVATE.match(entry.name.casefold()):
                words += _one(entry)
    return words


def _one(entry: os.DirEntry[str]) -> list[str]:
    path = str(ETC / entry.name)
    if entry.is_symlink():  # it leads to what the desktop has there, if anything
        return ["--symlink", str(Path(entry.path).readlink()), path]
    if not _public(entry):
        return []
    hidden = list(_hidden(entry.path)) if entry.is_dir() else []
    if len(hidden) > _MOST_HIDDEN:
        return []
    words = ["--ro-bind-try", entry.path, path]
    for one in hidden:
        inside = path + one.path[len(entry.path) :]
        if one.is_dir():
            words += ["--tmpfs", inside, "--remount-ro", inside]
        else:
            words += ["--ro-bind", "/dev/null", inside]
    return words


def _hidden(folder: str) -> Iterator[os.DirEntry[str]]:
    """What is not for everybody below a folder, the outermost only."""
    for entry in os.scandir(folder):
        if entry.is_symlink():
            continue
        if not _public(entry):
            yield entry
        elif entry.is_dir():
            yield from _hidden(entry.path)


def _public(entry: os.DirEntry[str]) -> bool:
    """Whether everybody may read a file or folder that is not called like a secret."""
    name = entry.name.casefold()
    if _IS_KEY.match(name):
        return False
    if name.endswith(".pem") and Path(entry.path).parent.name not in _CERTIFICATES:
        return False
    mode = entry.stat(follow_symlinks=False).st_mode
    if stat.S_ISDIR(mode):
        return mode & _ENTER == _ENTER
    return stat.S_ISREG(mode) and bool(mode & _READ)
