"""How missing packages of the machine are installed, and what is said where that cannot be done."""

import os
import shutil
import subprocess
from pathlib import Path

from sandbox.servers.machine import private_folder

INSTALLER = Path(__file__).parent.parent / ".ci" / "debian-packages"
# Debian's `nobody`.
NOBODY = 65_534


def test_a_user_without_rights_is_told_in_one_sentence_what_is_missing() -> None:
    """`sudo: command not found`, twice, says nothing about what to ask an administrator for."""
    with private_folder() as path, INSTALLER.open(encoding="utf-8") as script:
        apt_get = path / "apt-get"
        apt_get.write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
        apt_get.chmod(0o755)
        done = subprocess.run(
            [shutil.which("bash") or "bash", "-s", "nonesuch:some-package", "other:other-package"],
            stdin=script,
            cwd=path,
            env={"PATH": str(path)},
            user=NOBODY if os.geteuid() == 0 else None,
            check=False,
            capture_output=True,
            text=True,
        )

    assert done.returncode == 1
    assert done.stderr == (
        "Please install some-package other-package as root: this user is not root, and there is no sudo.\n"
    )
