"""What an operator wishes of mailboxes: asked, waited for, and told who takes it and who does not and why."""

import argparse
from typing import Any

from bascule.domain.codes import Offence
from bascule.domain.records import Wish
from cli.errors import WrongUse
from cli.output import show, table
from cli.service import open_service
from cli.verbs import Nouns, add_verb
from cli.waiting import result_of

MEANINGS = {
    Wish.CUTOVER: "cut mailboxes over, at once or at an instant",
    Wish.ROLLBACK: "bring mailboxes back to the source, or take back what was asked and has not begun",
    Wish.RETRY: "let mailboxes that were set aside go on",
    Wish.ABANDON: "leave mailboxes at the source for good",
    Wish.SURVEY: "survey sources again, where an offence was mended",
}
# A wish is granted within seconds also for 5 000 mailboxes: two minutes of looks.
LOOK_COUNT_MAX = 120
GRANTED_LATER = "it is not granted yet; `bascule batches show` tells how it goes on"

ASK_AGAIN = "Ask the same again: of those who take it already nothing changes."


def add_wishes(verbs: Nouns) -> None:
    """Add cutover, rollback, retry, abandon and survey."""
    for wish, meaning in MEANINGS.items():
        verb = add_verb(verbs, wish.value, _ask, meaning)
        verb.set_defaults(wish=wish)
        verb.add_argument("batch")
        verb.add_argument("mailboxes", nargs="*", metavar="ADDRESS")
        verb.add_argument("--all", action="store_true", help="every mailbox of the batch")
        verb.add_argument(
            "--no-wait", action="store_true", help="do not wait for what becomes of it"
        )
        if wish is Wish.CUTOVER:
            verb.add_argument(
                "--at",
                help="when, ISO 8601; without an offset it is UTC; an instant in the past means at once",
            )
            verb.add_argument(
                "--waive",
                action="append",
                choices=sorted(Offence),
                help="an offence that is accepted; may be given several times",
            )


def _ask(asked: argparse.Namespace) -> int:
    with open_service() as service:
        taken = service.post("batches", asked.batch, asked.wish.value, body=_body(asked))
        if asked.no_wait:
            show(asked, taken, f"asked as {taken['request']}")
            return 0
        result = result_of(service, taken["request"], GRANTED_LATER, LOOK_COUNT_MAX)
    show(asked, result, _said(asked.wish, result))
    return 1 if result["refused_count"] or result.get("stopped") else 0


def _body(asked: argparse.Namespace) -> dict[str, Any]:
    if asked.all == bool(asked.mailboxes):
        raise WrongUse("name the mailboxes, or give --all, and not both")
    body: dict[str, Any] = {"mailboxes": "all" if asked.all else asked.mailboxes}
    if asked.wish is Wish.CUTOVER:
        body |= {"at": asked.at} if asked.at else {}
        body |= {"waive": asked.waive} if asked.waive else {}
    return body


def _said(wish: Wish, result: dict[str, Any]) -> str:
    lines = [
        f"{wish.value}: {result['granted']} mailboxes take it, {result['refused_count']} cannot"
    ]
    if stopped := result.get("stopped"):
        lines += ["", f"stopped before the end: {stopped}", ASK_AGAIN]
    if result["refused"]:
        lines += ["", table(result["refused"], ("address", "why"))]
    return "\n".join(lines)
