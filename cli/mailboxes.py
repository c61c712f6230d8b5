"""`bascule mailboxes`: where each mailbox stands."""

import argparse
from typing import Any

from bascule.domain.stages import Stage
from cli.errors import Refused
from cli.output import facts, show, table
from cli.service import Service, open_service
from cli.verbs import Nouns, add_noun, add_verb

PAGE_COUNT = 1_000
# The largest batch is far below a hundred thousand mailboxes; a service that pages for ever is left.
PAGES_MAX = 100
COLUMNS = (
    "address",
    "stage",
    "stage_since_utc",
    "code",
    "wish",
    "cutover_at_utc",
    "detach_began_utc",
    "rollback_began_utc",
    "offences",
)


def add_to(commands: Nouns) -> None:
    """Add the noun and its verbs."""
    verbs = add_noun(commands, "mailboxes", "mailboxes of a batch")
    everyone = add_verb(verbs, "list", _list, "where the mailboxes of a batch stand")
    everyone.add_argument("batch")
    everyone.add_argument("--stage", choices=sorted(Stage), help="only those at this stage")
    one = add_verb(verbs, "show", _show, "one mailbox: stage, counters, certificate")
    one.add_argument("batch")
    one.add_argument("address")


def _list(asked: argparse.Namespace) -> int:
    with open_service() as service:
        rows = _rows(service, asked.batch, asked.stage)
    show(asked, rows, table(rows, COLUMNS, "no such mailbox"))
    return 0


def _rows(service: Service, batch: str, stage: str | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    query = {"top": str(PAGE_COUNT)} | ({"stage": stage} if stage else {})
    for _ in range(PAGES_MAX):
        page = service.get("batches", batch, "mailboxes", **query)
        rows += page["mailboxes"]
        if not page["after"]:
            return rows
        query["after"] = page["after"]
    raise Refused(f"{batch} has more than {PAGE_COUNT * PAGES_MAX} mailboxes; ask by --stage")


def _show(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.get("batches", asked.batch, "mailboxes", asked.address)
    show(asked, answer, facts(answer))
    return 0
