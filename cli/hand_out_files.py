"""Files with passwords in them: for their owner alone, never over another file, and never half written."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cli.errors import WrongUse

OWNER_ONLY = 0o600


def write_private(path: Path, content: bytes) -> None:
    """A new file that nobody else on the machine can read, there as a whole or not at all.

    Raises WrongUse: there is one already, or it cannot be made.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.unlink(missing_ok=True)
        _write_new(beside, content)
        # Claimed empty before it is taken: a name alone would take the place of a file that came meanwhile.
        _write_new(path, b"")
        beside.replace(path)
    except FileExistsError:
        raise WrongUse(f"{path} is there already; it is not written over") from None
    except OSError as error:
        raise WrongUse(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            beside.unlink()


def _write_new(path: Path, content: bytes) -> None:
    place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(place, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_file(path: str) -> bytes:
    """The content of a file that the operator names. Raises WrongUse."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}") from error


def private_folder(path: Path) -> Path:
    """A folder for such files, made when it is not there. Raises WrongUse."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUse(f"{path} cannot be made: {error.strerror}") from error
    return path


def refuse_existing(paths: Iterator[Path]) -> None:
    """Before a password is fetched: none of the files may be there. Raises WrongUse."""
    for path in paths:
        if path.exists():
            raise WrongUse(f"{path} is there already; it is not written over")
