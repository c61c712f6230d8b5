"""Dovecot: IMAP with TLS and STARTTLS, LMTP for Postfix, a password for each user and a master user.

Source: Dovecot 2.3 manual, "Passwd-file", "Master users", "LMTP server", "Quota configuration", "SSL configuration".
"""

import base64
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from sandbox.faces.private_ca import server_pem
from sandbox.local_host.clock import real_now_utc
from sandbox.rig.azurite import free_ports, wait_for_port
from sandbox.servers.machine import LOOPBACK, SERVER_PATIENCE_S, run, serve

MASTER_USER = "bascule"
MASTER_SEPARATOR = "*"
# Debian has this user everywhere; mail belongs to it, one user for all mailboxes.
MAIL_USER = "mail"
# Sessions of one user at once: the sync, the survey, the probes and the owner.
SESSIONS_PER_USER_MAX = 50

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
listen = {loopback}
protocols = imap lmtp
default_internal_user = dovecot
default_login_user = dovenull
first_valid_uid = 1
mail_location = maildir:~/Maildir:LAYOUT=fs
mail_fsync = never
mail_max_userip_connections = {sessions_max}
mail_plugins = quota
auth_mechanisms = plain login
auth_username_format = %Ln
auth_master_user_separator = {separator}
auth_failure_delay = 0 secs
disable_plaintext_auth = yes
plugin {{
  quota = count:User quota
  quota_vsizes = yes
}}
ssl = required
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.pem
ssl_min_protocol = TLSv1.2
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = passwd-file
  master = yes
  args = username_format=%n {folder}/masters
}}
passdb {{
  driver = passwd-file
  args = username_format=%n {folder}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {folder}/users
  default_fields = uid={user} gid={user} home={folder}/mail/%n
}}
service imap-login {{
  process_min_avail = 1
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = {loopback}
    port = {lmtp_port}
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


class Room(Enum):
    """What is left in a mailbox, and what a sender's server is told when nothing is; user database fields of Dovecot."""

    ENOUGH = ""
    # Source: Dovecot 2.3 manual, "Quota configuration": the size of one message is beyond any rule of one byte.
    NONE_REFUSING = "userdb_quota_rule=*:bytes=1"
    """552: the message goes back to its sender."""
    NONE_DEFERRING = "userdb_quota_rule=*:bytes=1 userdb_quota_full_tempfail=yes"
    """452: the message is tried again later."""


@dataclass(frozen=True)
class MailUser:
    """One mailbox, its password, and what is left in it."""

    name: str
    password: str = field(repr=False)
    room: Room = Room.ENOUGH


class Dovecot:
    """One server; `stop` and `start` as often as a story wants."""

    def __init__(self, folder: Path, users: Iterable[MailUser], master_password: str) -> None:
        """`folder` is made; it must not exist, and others must be able to pass through its parents."""
        folder.mkdir(mode=0o711)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._users = {user.name: user for user in users}
        self.master_password = master_password
        self.imap_port, self.imaps_port, self.lmtp_port = free_ports(3)
        self.ca_file = folder / "ca.pem"
        self.pem_file = folder / "server.pem"
        """Certificate and key for loopback, for the other servers of the host as well."""

    def install(self) -> None:
        """Write certificate, users and configuration, and start."""
        _private(self.pem_file, server_pem(self.ca_file, real_now_utc()))
        mail = self._folder / "mail"
        mail.mkdir(mode=0o700)
        run(["chown", f"{MAIL_USER}:{MAIL_USER}", str(mail)])
        self._write_users()
        written = CONFIGURATION.format(
            folder=self._folder,
            loopback=LOOPBACK,
            sessions_max=SESSIONS_PER_USER_MAX,
            separator=MASTER_SEPARATOR,
            user=MAIL_USER,
            imap_port=self.imap_port,
            imaps_port=self.imaps_port,
            lmtp_port=self.lmtp_port,
        )
        (self._folder / "dovecot.conf").write_text(written, encoding="utf-8")
        self.start()

    def start(self) -> None:
        """Serve on loopback; returns when every port answers."""
        command = ["dovecot", "-F", "-c", str(self._folder / "dovecot.conf")]
        self._process = serve(command, self._folder / "start.log")
        for port in (self.imap_port, self.imaps_port, self.lmtp_port):
            wait_for_port(port)

    def stop(self) -> None:
        """End it with all its sessions; nothing when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(SERVER_PATIENCE_S)

    def set_password(self, user_name: str, password: str) -> None:
        """Change a user's password, as its owner or an administrator does; it holds from the next login on."""
        self._users[user_name] = replace(self._users[user_name], password=password)
        self._write_users()

    def set_room(self, user_name: str, room: Room) -> None:
        """Fill a mailbox up, or lift its quota; it holds from the next delivery on."""
        self._users[user_name] = replace(self._users[user_name], room=room)
        self._write_users()

    def administer(self, *command: str) -> None:
        """Run doveadm(1), as an administrator does at the server. Raises CommandFailed."""
        run(["doveadm", "-c", str(self._folder / "dovecot.conf"), *command])

    def log(self) -> str:
        """Everything the server wrote down."""
        return (self._folder / "dovecot.log").read_text(encoding="utf-8", errors="replace")

    def _write_users(self) -> None:
        group = "dovecot"
        users = "".join(_line(user) for user in self._users.values())
        master = _line(MailUser(MASTER_USER, self.master_password))
        for name, content in (("users", users), ("masters", master)):
            path = self._folder / name
            fresh = path.with_suffix(".new")
            _private(fresh, content.encode())
            run(["chown", f"root:{group}", str(fresh)])
            fresh.chmod(0o640)
            # Dovecot may read at any moment: it finds the old file or the new one, never half of one.
            fresh.replace(path)


def _line(user: MailUser) -> str:
    # In base 64, because a password may hold the colon that ends a field.
    secret = base64.b64encode(user.password.encode()).decode("ascii")
    return f"{user.name}:{{PLAIN.b64}}{secret}::::::{user.room.value}\n"


def _private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
