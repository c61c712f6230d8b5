"""Licences: what would change, change it, how far the seats go."""

import argparse
from typing import Any

from cli.errors import WrongUse
from cli.output import show, table
from cli.service import open_service
from cli.verbs import Nouns, add_noun, add_verb
from cli.waiting import add_request, result_of, resumed

# As many accounts as the app answers at most.
ACCOUNTS_SHOWN_MAX = 5_000
CHANGE_COLUMNS = ("address", "cohort", "change", "code", "detail")
SEAT_COLUMNS = (
    "licence",
    "state",
    "enabled",
    "warning",
    "suspended",
    "consumed",
    "reserved",
    "left",
)


def add_to(nouns: Nouns) -> None:
    """Add the noun `licences` and its verbs."""
    verbs = add_noun(nouns, "licences", "licences of mailboxes and accounts")
    _add_selection(add_verb(verbs, "plan", _plan, "print exactly what would change"))
    change = add_verb(verbs, "apply", _apply, "bring licences to what the plan says")
    _add_selection(change)
    change.add_argument("--dry-run", action="store_true", help="print exactly what would change")
    change.add_argument("--no-wait", action="store_true", help="do not wait for what becomes of it")
    add_request(change)
    add_verb(verbs, "report", _report, "seats, reservations and what is left")


def _add_selection(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--batch")
    verb.add_argument("--cohort")


def _plan(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.get("licences", "plan", **_selection(asked))
    show(asked, answer, _changes(answer))
    return 0


def _apply(asked: argparse.Namespace) -> int:
    known = resumed(asked)
    if asked.dry_run:
        return _plan(asked)
    with open_service() as service:
        taken = known or service.post("licences", "apply", body=_selection(asked))
        if asked.no_wait:
            show(asked, taken, f"asked as {taken['request']}")
            return 0
        result = result_of(service, taken["request"])
    show(asked, result, _said(result))
    return 1 if result["refused_count"] or result["stopped"] else 0


def _report(asked: argparse.Namespace) -> int:
    with open_service() as service:
        answer = service.get("licences", "report")
    show(asked, answer, _seats(answer["licences"]))
    return 1 if any(each["left"] < 0 for each in answer["licences"]) else 0


def _selection(asked: argparse.Namespace) -> dict[str, str]:
    named = {name: getattr(asked, name) for name in ("batch", "cohort") if getattr(asked, name)}
    if len(named) != 1:
        raise WrongUse("give --batch or --cohort, one of the two")
    return named


def _changes(answer: dict[str, Any]) -> str:
    later = [line for line in answer["accounts"] if line.get("left_over")]
    now = [line for line in answer["accounts"] if not line.get("left_over")]
    lines = [table(now, CHANGE_COLUMNS, empty="nothing would change"), ""]
    if answer.get("left_over"):
        shown = table(later, CHANGE_COLUMNS, empty="too many to show")
        lines += [f"{answer['left_over']} are left over for a later run:", shown, ""]
    lines.append(f"{answer['unchanged']} are as they should be")
    lines += [
        f"no such service in the licence of cohort {named}"
        for named in answer.get("unknown_services", ())
    ]
    if len(answer["accounts"]) >= ACCOUNTS_SHOWN_MAX:
        lines.append(f"no more than {ACCOUNTS_SHOWN_MAX} accounts are shown: there may be more")
    return "\n".join(lines)


def _seats(licences: list[dict[str, Any]]) -> str:
    needs = [{"licence": each["licence"], **need} for each in licences for need in each["batches"]]
    return "\n\n".join(
        (
            table(licences, SEAT_COLUMNS, empty="the tenant has no licence"),
            table(needs, ("licence", "batch", "needs", "left"), empty="no batch needs a seat"),
        )
    )


def _said(result: dict[str, Any]) -> str:
    lines = [f"{result['changed']} changed, {result['refused_count']} could not be"]
    if result["left_over"]:
        lines.append(f"{result['left_over']} are left over for the next run")
    if result["stopped"]:
        lines.append(f"stopped: {result['stopped']}")
    if result["refused"]:
        lines.append(table(result["refused"], ("address", "code", "detail")))
    return "\n".join(lines)
