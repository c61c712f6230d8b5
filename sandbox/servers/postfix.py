"""Postfix, as the procedure has it: aliases from MariaDB, mailboxes by LMTP, the tenant by its own domain.

    someone@example.org  --virtual_alias_maps-->  someone@ca.example.org            LMTP to Dovecot
                                             or   someone@exampleorg.onmicrosoft.com    SMTP to the tenant

Every waiting time of the queue is cut from minutes to seconds; nothing else is made for the rehearsal.
Source: postconf(5), mysql_table(5), virtual(5), transport(5), MULTI_INSTANCE_README and TLS_README of Postfix 3.7.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.rig.azurite import free_ports, wait_for_port
from sandbox.servers.machine import LOOPBACK, SERVER_PATIENCE_S, CommandFailed, run, serve
from sandbox.servers.mariadb import DATABASE, POSTFIX_USER, TABLE, MariaDb
from sandbox.world.naming import Naming

# Of the real five and sixty-six minutes; the rest of the rehearsal's time runs faster in the same proportion.
MINIMAL_BACKOFF_S = 1
MAXIMAL_BACKOFF_S = 5
MESSAGE_BYTES_MAX = 150 * 1024 * 1024

MYSQL_MAP = """user = {user}
password = {password}
hosts = inet:{host}:{port}
dbname = {database}
query = SELECT destination FROM {table} WHERE source = '%s'
"""

MAIN = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/state
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
syslog_name = {name}
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}/log
enable_long_queue_ids = yes

inet_interfaces = {loopback}
inet_protocols = ipv4
myhostname = {name}.{domain}
mydestination =
mynetworks = 192.0.2.1/32
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_cert_file = {server_pem}
smtpd_tls_key_file = {server_pem}
smtp_dns_support_level = disabled
local_header_rewrite_clients =
local_recipient_maps =
alias_maps =
alias_database =

virtual_alias_domains = {domain}
virtual_alias_maps = mysql:{folder}/conf/virtual.cf
virtual_mailbox_domains = {source_domain}
virtual_transport = lmtp:inet:{loopback}:{lmtp_port}
transport_maps = inline:{{ {{ {initial_domain} = smtp:[{loopback}]:{tenant_port} }} }}
default_transport = discard
message_size_limit = {size_max}
virtual_mailbox_limit = 0
mailbox_size_limit = 0

minimal_backoff_time = {backoff_min}s
maximal_backoff_time = {backoff_max}s
queue_run_delay = 1s
smtp_connect_timeout = 5s
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
in_flow_delay = 0
"""

MASTER = """{port}     inet  n       -       n       -       60      smtpd
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
lmtp      unix  -       -       n       -       -       lmtp
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
"""


@dataclass(frozen=True)
class Neighbours:
    """Whom a Postfix hands mail to, by port on loopback, and the certificate that it shows to others."""

    lmtp_port: int
    tenant_port: int
    server_pem: Path


class Postfix:
    """One instance with its own folder, queue and log."""

    def __init__(self, folder: Path, name: str, naming: Naming) -> None:
        """`folder` is made; it must not exist, and others must be able to pass through its parents."""
        folder.mkdir(mode=0o755)
        self.name = name
        self._folder = folder
        self._naming = naming
        self._process: subprocess.Popen[bytes] | None = None
        (self.port,) = free_ports(1)

    def install(self, database: MariaDb, neighbours: Neighbours) -> None:
        """Write the configuration and start."""
        for part in ("conf", "queue", "state", "log"):
            (self._folder / part).mkdir(mode=0o755)
        run(["chown", "postfix", str(self._folder / "state")])
        (self._folder / "conf" / "main.cf").write_text(self._main(neighbours), encoding="utf-8")
        master = MASTER.format(port=f"{LOOPBACK}:{self.port}")
        (self._folder / "conf" / "master.cf").write_text(master, encoding="utf-8")
        self._write_map(database)
        self.start()

    def start(self) -> None:
        """Serve on loopback; returns when it answers."""
        command = ["postfix", "-c", str(self._folder / "conf"), "start-fg"]
        self._process = serve(command, self._folder / "log" / "start.log")
        wait_for_port(self.port)

    def stop(self) -> None:
        """End in order: what is being delivered is finished first. Nothing when it does not run. Raises CommandFailed."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            self.command("postfix", "stop")
        except (CommandFailed, subprocess.TimeoutExpired):
            # Its master ends its own processes; left alone it would outlive us, with a port and a queue.
            process.terminate()
            raise
        finally:
            process.wait(SERVER_PATIENCE_S)

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._process is not None

    def set(self, **parameters: str) -> None:
        """Change parameters of main.cf and reload."""
        changed = [f"{name} = {value}" for name, value in parameters.items()]
        self.command("postconf", "-e", *changed)
        self.command("postfix", "reload")

    def flush(self) -> None:
        """Try everything in the queue now."""
        self.command("postqueue", "-f")

    def queue(self) -> list[Mapping[str, Any]]:
        """What is in the queue, as postqueue(1) -j says it; empty when the instance does not run."""
        if not self.is_running:
            return []
        lines = self.command("postqueue", "-j").splitlines()
        return [json.loads(line) for line in lines if line.strip()]

    def log(self) -> str:
        """Everything it wrote down."""
        path = self._folder / "log" / "mail.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def command(self, name: str, *arguments: str) -> str:
        """Run one of Postfix's own commands on this instance. Raises CommandFailed."""
        return run([name, "-c", str(self._folder / "conf"), *arguments])

    def _main(self, neighbours: Neighbours) -> str:
        return MAIN.format(
            folder=self._folder,
            name=self.name,
            loopback=LOOPBACK,
            domain=self._naming.domain,
            source_domain=self._naming.source_domain,
            initial_domain=self._naming.initial_domain,
            lmtp_port=neighbours.lmtp_port,
            tenant_port=neighbours.tenant_port,
            server_pem=neighbours.server_pem,
            size_max=MESSAGE_BYTES_MAX,
            backoff_min=MINIMAL_BACKOFF_S,
            backoff_max=MAXIMAL_BACKOFF_S,
        )

    def _write_map(self, database: MariaDb) -> None:
        path = self._folder / "conf" / "virtual.cf"
        path.touch(mode=0o600)
        path.write_text(
            MYSQL_MAP.format(
                user=POSTFIX_USER,
                password=database.postfix_password,
                host=LOOPBACK,
                port=database.port,
                database=DATABASE,
                table=f"{DATABASE}.{TABLE}",
            ),
            encoding="utf-8",
        )
        # Postfix's own processes read it, and nobody else: it holds a password.
        run(["chown", "root:postfix", str(path)])
        path.chmod(0o640)
