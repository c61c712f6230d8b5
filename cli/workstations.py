"""`bascule workstations`: what is left to do at the users' desks."""

import argparse
from pathlib import Path

from cli.errors import Refused, WrongUse
from cli.output import show, table
from cli.service import open_service
from cli.verbs import Nouns, add_noun, add_verb

COLUMNS = ("address", "open", "reminders")
# The largest batch is far below this many pages; a service that pages for ever is left.
PAGES_MAX = 200


def add_to(commands: Nouns) -> None:
    """Add the noun and its verbs."""
    verbs = add_noun(commands, "workstations", "what is left to do at the users' desks")
    everyone = add_verb(verbs, "list", _list, "migrated users with their open steps")
    everyone.add_argument("batch")
    everyone.add_argument("--open", default="", help="only those for whom this step is open")
    marks = add_verb(verbs, "tick", _tick, "say that a step is done for users of a batch")
    marks.add_argument("batch")
    marks.add_argument("step")
    marks.add_argument("mailboxes", nargs="+", metavar="ADDRESS")
    marks.add_argument("--undo", action="store_true", help="it is not done after all")
    file = add_verb(verbs, "upload", _upload, "set marks from a CSV: EmailAddress, Step, Done")
    file.add_argument("batch")
    file.add_argument("file", type=Path)


def _list(asked: argparse.Namespace) -> int:
    query = {"batch": asked.batch} | ({"open": asked.open} if asked.open else {})
    rows = []
    with open_service() as service:
        for _ in range(PAGES_MAX):
            page = service.get("workstations", **query)
            rows += page["mailboxes"]
            if not page["after"]:
                break
            query["after"] = page["after"]
        else:
            raise Refused(f"{asked.batch} has too many mailboxes; ask by --open")
    show(asked, rows, table(rows, COLUMNS, "nobody"))
    return 0


def _tick(asked: argparse.Namespace) -> int:
    body = {"step": asked.step, "mailboxes": asked.mailboxes, "done": not asked.undo}
    with open_service() as service:
        answer = service.post("workstations", body=body, batch=asked.batch)
    show(asked, answer, f"{answer['mailboxes']} mailboxes marked")
    return 0


def _upload(asked: argparse.Namespace) -> int:
    try:
        content = asked.file.read_bytes()
    except OSError as error:
        raise WrongUse(f"{asked.file}: {error.strerror}") from error
    with open_service() as service:
        answer = service.post("workstations", content=content, batch=asked.batch)
    show(asked, answer, f"{answer['mailboxes']} mailboxes marked")
    return 0
