"""`bascule tenant`: check it, prepare it, watch it, repair it."""

import argparse
from typing import Any

from cli.output import facts, show, table
from cli.service import open_service
from cli.verbs import Nouns, add_noun, add_verb

PART_COLUMNS = ("part", "name", "state", "detail")
DIFFERENCE_COLUMNS = ("part", "name", "setting", "found", "wanted")
NOTHING = "the tenant is as the plan wants it"


def add_to(commands: Nouns) -> None:
    """Add the noun and its verbs."""
    verbs = add_noun(commands, "tenant", "the tenant around the mailboxes")
    add_verb(verbs, "show", _show, "how far it is prepared, and whether it still is")
    add_verb(verbs, "check", _check, "everything a migration needs, checked now")
    prepare = add_verb(verbs, "prepare", _prepare, "make what the plan wants and the tenant lacks")
    prepare.add_argument("--dry-run", action="store_true", help="only show what would change")
    add_verb(verbs, "repair", _repair, "bring everything back to the plan, members included")
    add_verb(verbs, "adopt", _adopt, "watch a tenant that was prepared by hand")


def _show(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.get("tenant")
    show(asked, answer, _tenant_text(answer))
    return 0


def _tenant_text(answer: dict[str, Any]) -> str:
    guard, preparation = answer["guard"], answer["preparation"] or {}
    parts, findings = preparation.get("parts", []), guard.get("findings", [])
    heads = {
        "asked by": preparation.get("asked_by"),
        "finished": preparation.get("finished_utc"),
        "refused": preparation.get("refused_utc"),
        "detail": preparation.get("detail"),
        "guard": guard["state"],
        "looked": guard.get("looked_utc"),
        "unknown because": guard.get("unknown_why"),
        "holds cutovers": "yes" if guard.get("holds_cutovers") else None,
    }
    texts = [facts(heads)]
    texts += [table(parts, PART_COLUMNS)] if parts else []
    texts += [table(findings, (*DIFFERENCE_COLUMNS, "since_utc"))] if findings else []
    return "\n\n".join(texts)


def _check(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.get("tenant", "readiness")
    checks = answer["checks"]
    show(asked, answer, table(checks, ("light", "check", "told", "page")))
    return 1 if any(each["light"] == "red" for each in checks) else 0


def _prepare(asked: argparse.Namespace) -> int:
    with open_service() as service:
        if asked.dry_run:
            answer = service.get("tenant", "differences")
            show(asked, answer, table(answer["differences"], DIFFERENCE_COLUMNS, NOTHING))
            return 0
        answer = service.post("tenant", "prepare")
    show(asked, answer, "asked; `bascule tenant show` tells how it goes on")
    return 0


def _repair(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.post("tenant", "repair")
    show(asked, answer, "asked; `bascule tenant show` tells how it goes on")
    return 0


def _adopt(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.post("tenant", "adopt")
    told = table(answer["differences"], DIFFERENCE_COLUMNS, NOTHING)
    show(asked, answer, f"adopted, and watched from now on\n\n{told}")
    return 0
