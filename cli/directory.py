"""`bascule directory`: groups, shared mailboxes, rights and contacts, from a folder of five files."""

import argparse
import base64
from pathlib import Path
from typing import Any

from bascule.domain.addresses import normal_address
from bascule.domain.directory_objects.reading import DirectoryFilesInvalid, read_directory_files
from bascule.domain.directory_objects.surroundings import Surroundings
from bascule.domain.directory_objects.tables import FILES
from bascule.domain.plan_file import PlanInvalid, read_plan
from cli.errors import Refused, WrongUse
from cli.output import facts, show, table
from cli.service import open_service
from cli.verbs import Nouns, add_noun, add_verb

# What the API takes of each file; a larger one would be sent whole before it is refused.
FILE_SIZE_MAX_BYTES = 10 * 1024 * 1024
CHANGE_COLUMNS = ("change", "address", "whom", "right", "before", "after")
# A person reads the first of them; a script takes `--json`.
SHOWN_COUNT_MAX = 200


def add_to(commands: Nouns) -> None:
    """Add the noun and its verbs."""
    verbs = add_noun(commands, "directory", "groups, shared mailboxes, rights and contacts")
    check = add_verb(verbs, "check", _check, "name every mistake of the files")
    check.add_argument("folder", type=Path)
    check.add_argument("--plan", type=Path, help="ask nobody: judge by this plan.toml alone")
    plan = add_verb(verbs, "plan", _plan, "keep the files, and show what would change")
    plan.add_argument("folder", type=Path, nargs="?")
    apply = add_verb(verbs, "apply", _apply, "create, correct and add what the files want")
    apply.add_argument("--dry-run", action="store_true", help="only show what would change")
    apply.add_argument(
        "--apply-removals",
        metavar="DIGEST",
        default="",
        help="also take away the removals that were shown with this digest, and no others",
    )
    add_verb(verbs, "show", _show, "the files in force, and what became of them")


def _check(asked: argparse.Namespace) -> int:
    files = _files(asked.folder)
    if asked.plan:
        answer = _checked_alone(files, asked.plan)
    else:
        with open_service() as service:
            answer = service.post("directory", body=_body(files), check="true")
    show(asked, answer, facts(answer))
    return 0


def _checked_alone(files: dict[str, bytes], plan_file: Path) -> dict[str, Any]:
    """The files judged without the app. Raises Refused with every mistake."""
    try:
        tenant = read_plan(_content(plan_file).decode("utf-8", "replace")).tenant
    except PlanInvalid as invalid:
        raise WrongUse(str(invalid)) from invalid
    domains = frozenset((*tenant.domains, tenant.routing_domain))
    around = Surroundings(domains, normal_address(tenant.coexistence_group))
    try:
        wanted = read_directory_files(files, around)
    except DirectoryFilesInvalid as invalid:
        raise Refused(str(invalid)) from invalid
    return {"state": "correct", "groups": len(wanted.groups), "contacts": len(wanted.contacts)}


def _plan(asked: argparse.Namespace) -> int:
    with open_service() as service:
        if asked.folder:
            service.post("directory", body=_body(_files(asked.folder)))
        answer = service.get("directory", "differences")
    show(asked, answer, _difference_text(answer))
    return 0


def _apply(asked: argparse.Namespace) -> int:
    with open_service() as service:
        if asked.dry_run:
            answer = service.get("directory", "differences")
            show(asked, answer, _difference_text(answer))
            return 0
        word = {"removals": asked.apply_removals} if asked.apply_removals else {}
        answer = service.post("directory", "apply", **word)
    show(asked, answer, "asked; `bascule directory show` tells what became of it")
    return 0


def _show(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.get("directory")
    report = answer.get("report") or {}
    plain = {name: value for name, value in answer.items() if name not in {"report", "refused"}}
    parts = [facts(plain)]
    if refused := answer.get("refused"):
        parts.append("refused\n" + table(refused, ("address", "why")))
    if left := report.get("left"):
        parts.append(_difference_text(left))
    show(asked, answer, "\n\n".join(parts))
    return 0


def _difference_text(answer: dict[str, Any]) -> str:
    parts = [_section(name, answer[name]) for name in ("changes", "removals") if answer[name]]
    if answer["removals"]:
        digest = answer["removals_digest"]
        parts.append(f"they stay, unless: bascule directory apply --apply-removals {digest}")
    if answer["waiting"]:
        parts.append("waiting\n" + _table(answer["waiting"], ("address", "place")))
    if answer["blocked"]:
        parts.append("blocked\n" + _table(answer["blocked"], ("address", "why")))
    return "\n\n".join(parts) or "the tenant agrees with the files"


def _section(name: str, changes: list[dict[str, Any]]) -> str:
    return f"{name}\n{_table(changes, CHANGE_COLUMNS)}"


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> str:
    more = len(rows) - SHOWN_COUNT_MAX
    text = table(rows[:SHOWN_COUNT_MAX], columns)
    return f"{text}\n... and {more} more; --json shows them all" if more > 0 else text


def _body(files: dict[str, bytes]) -> dict[str, Any]:
    return {"files": {name: base64.b64encode(raw).decode() for name, raw in files.items()}}


def _files(folder: Path) -> dict[str, bytes]:
    """The files of a folder. A CSV of another name is refused: misspelt, its rows would be left out silently."""
    if not folder.is_dir():
        raise WrongUse(f"{folder} is no folder")
    strangers = sorted(file.name for file in folder.glob("*.csv") if file.name not in FILES)
    if strangers:
        raise WrongUse(f"{', '.join(strangers)}: none of {', '.join(FILES)}")
    found = {name: _content(folder / name) for name in FILES if (folder / name).is_file()}
    if not found:
        raise WrongUse(f"{folder} has none of {', '.join(FILES)}")
    return found


def _content(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}") from error
    if len(content) > FILE_SIZE_MAX_BYTES:
        raise WrongUse(f"{file} is larger than {FILE_SIZE_MAX_BYTES} bytes")
    return content
