"""`bascule batches`: upload, look, and ask for cutover, rollback, retry, abandon, survey and sync."""

import argparse
import re
from pathlib import Path
from typing import Any

from cli.errors import WrongUse
from cli.output import facts, show, table
from cli.service import open_service
from cli.verbs import Nouns, add_noun, add_verb
from cli.wishes import add_wishes

# What the API takes; a larger file would be sent whole before it is refused.
UPLOAD_SIZE_MAX_BYTES = 10 * 1024 * 1024
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


def add_to(commands: Nouns) -> None:
    """Add the noun and its verbs."""
    verbs = add_noun(commands, "batches", "batches of mailboxes")
    add_verb(verbs, "list", _list, "every batch with its state")
    add_verb(verbs, "show", _show, "one batch: counts, who is set aside and why").add_argument(
        "batch"
    )
    _add_upload(verbs)
    add_wishes(verbs)
    add_verb(verbs, "sync", _sync, "ask for a delta of the whole batch now").add_argument("batch")
    accept = add_verb(verbs, "accept", _accept, "apply a changed upload")
    accept.add_argument("batch")
    accept.add_argument("--fingerprint", required=True, help="as the difference shows it")


def _add_upload(verbs: Nouns) -> None:
    upload = add_verb(verbs, "upload", _upload, "upload a batch file")
    upload.add_argument("file", type=Path)
    upload.add_argument(
        "--name", help="the batch's name; the file's without its ending if not given"
    )


def _list(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.get("batches")
    show(asked, answer, table(answer["batches"], ("batch", "state", "rows"), "no batch yet"))
    return 0


def _show(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.get("batches", asked.batch)
    show(asked, answer, _batch_text(answer))
    return 0


def _batch_text(answer: dict[str, Any]) -> str:
    aside = [{"set aside": who, "code": code} for who, code in answer.get("set_aside", {}).items()]
    rest = {name: value for name, value in answer.items() if name != "set_aside"}
    return "\n\n".join([facts(rest), *([table(aside, ("set aside", "code"))] if aside else [])])


def _upload(asked: argparse.Namespace) -> int:
    name = asked.name or asked.file.stem.lower()
    if not NAME.fullmatch(name):
        raise WrongUse(
            f"{name!r} is no batch name: lower case letters, digits and hyphens; use --name"
        )
    content = _content(asked.file)
    with open_service() as service:
        answer = service.post("batches", content=content, name=name)
    show(
        asked, answer, f"{name} is uploaded; `bascule batches show {name}` tells what became of it"
    )
    return 0


def _content(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}") from error
    if not 0 < len(content) <= UPLOAD_SIZE_MAX_BYTES:
        raise WrongUse(f"{file} is empty or larger than {UPLOAD_SIZE_MAX_BYTES} bytes")
    return content


def _sync(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.post("batches", asked.batch, "sync")
    asked_of = ", ".join(answer["sync_batches"])
    show(asked, answer, f"asked of {asked_of}" if asked_of else "nothing synchronises yet")
    return 0


def _accept(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.post("batches", asked.batch, "difference", fingerprint=asked.fingerprint)
    show(asked, answer, f"the changed upload of {asked.batch} is accepted")
    return 0
