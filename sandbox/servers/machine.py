"""What the real servers need of the machine, and a folder in which their own users find their way."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Debian keeps servers where only root's PATH looks.
PROGRAM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/bin"
# A command and the package it comes in.
PACKAGES = {
    "postfix": "postfix",
    "dovecot": "dovecot-imapd",
    "mariadbd": "mariadb-server-core",
    "mariadb-install-db": "mariadb-server-core",
}
PACKAGE_FILES = {
    Path("/usr/lib/postfix/postfix-mysql.so"): "postfix-mysql",
    Path("/usr/lib/dovecot/lmtp"): "dovecot-lmtpd",
}
COMMAND_PATIENCE_S = 60.0
# A server under load takes its time to start and to stop; a minute is beyond any of them.
SERVER_PATIENCE_S = 60.0
LOOK_INTERVAL_S = 0.05


class ServersMissing(Exception):
    """This machine cannot run the servers; the text is one sentence for a person."""


class CommandFailed(Exception):
    """A server's own command refused; its words are in the text."""


def require_servers() -> None:
    """Raises ServersMissing when packages are not installed or we may not start them."""
    missing = {name for command, name in PACKAGES.items() if not program(command)}
    missing |= {name for file, name in PACKAGE_FILES.items() if not file.exists()}
    if missing:
        raise ServersMissing(
            f"This machine lacks {', '.join(sorted(missing))}: `make setup-test` installs them from Debian."
        )
    if os.geteuid() != 0:
        raise ServersMissing("Postfix and Dovecot are started as root, which this user is not.")


def program(name: str) -> str:
    """The path of a command; empty when it is not installed."""
    return shutil.which(name, path=PROGRAM_PATH) or ""


def run(command: Sequence[str], *, patience_s: float = COMMAND_PATIENCE_S) -> str:
    """Run a command of a server; what it printed. Raises CommandFailed."""
    done = subprocess.run(  # noqa: S603  fixed programs with our own arguments
        [program(command[0]), *command[1:]],
        capture_output=True,
        text=True,
        timeout=patience_s,
        check=False,
        env={**os.environ, "PATH": PROGRAM_PATH},
    )
    if done.returncode:
        raise CommandFailed(f"{command[0]}: {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout


def wait_until(holds: Callable[[], bool], what: str, patience_s: float = SERVER_PATIENCE_S) -> None:
    """Look until it holds. Raises TimeoutError with what was waited for."""
    for _ in range(int(patience_s / LOOK_INTERVAL_S)):
        if holds():
            return
        threading.Event().wait(LOOK_INTERVAL_S)
    raise TimeoutError(f"no {what} within {patience_s:.0f} s")


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that ends with the block. Others may pass through it but not list it: Dovecot and Postfix run as others."""
    with tempfile.TemporaryDirectory(prefix="bascule-servers-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def serve(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a server in the foreground, as a child of ours, so that it is ours to wait for at its end."""
    with log.open("ab") as written:
        return subprocess.Popen(  # noqa: S603  fixed programs with our own arguments
            [program(command[0]), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            env={**os.environ, "PATH": PROGRAM_PATH},
            # Ctrl-C at the terminal is for the rehearsal, which stops its servers in order.
            start_new_session=True,
        )
