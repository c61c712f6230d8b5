"""What became of everybody and of every message: the summary for a person, `report.json` for a program."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.demo.cast import Cast
from sandbox.demo.play import BATCH, Play
from sandbox.rig.plan_text import MESSAGE_SIZE_MAX_BYTES
from sandbox.rig.rig import Rig
from sandbox.world.verdict import Verdict, judge, marks_over

HOPS_MAX = 2
CALLS = ("graph", "exchange", "alias_map", "imap_sessions")


@dataclass(frozen=True)
class Outcome:
    """The report, and every promise that was not kept."""

    content: dict[str, Any]
    broken: tuple[str, ...]


def outcome(rig: Rig, cast: Cast, play: Play, *, wall_s: float, virtual_days: float) -> Outcome:
    """Judge the world, and read what the app says of every mailbox."""
    verdict = judge(rig.world, named=marks_over(rig.world, MESSAGE_SIZE_MAX_BYTES))
    mailboxes = [_mailbox(rig, play, address) for address in cast.addresses]
    content = {
        "batch": BATCH,
        "seed": rig.options.seed,
        "mailboxes": mailboxes,
        "mail": {
            "accepted": verdict.expected_count,
            "delivered": verdict.expected_count - len(verdict.lost) - verdict.named_count,
            "lost": [list(mark) for mark in verdict.lost],
            "doubled": [list(mark) for mark in verdict.doubled],
            "loops": verdict.loop_count,
            "hops_max": verdict.hops_max,
        },
        "calls": {name: rig.calls(name) for name in CALLS},
        "virtual_days": round(virtual_days, 2),
        "wall_s": round(wall_s, 1),
    }
    return Outcome(content, tuple(_broken(rig, play, mailboxes, verdict)))


def write(content: Mapping[str, Any], path: Path) -> None:
    """Write `report.json`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def show(outcome: Outcome, path: Path) -> None:
    """The summary."""
    content = outcome.content
    print(f"\n{'mailbox':44} {'stage':12} {'code':22} {'source':>6} {'cloud':>6}  certificate")
    for row in content["mailboxes"]:
        proof = row["certificate"]
        said = f"complete, {proof['named']} named" if proof else "-"
        print(
            f"{row['address']:44} {row['stage']:12} {row['code'] or '-':22}"
            f" {row['source_messages']:6} {row['cloud_messages']:6}  {said}"
        )
    mail, calls = content["mail"], content["calls"]
    print(
        f"\nMail: {mail['accepted']} messages had to arrive, {len(mail['lost'])} lost,"
        f" {len(mail['doubled'])} doubled, {mail['loops']} loops, at most {mail['hops_max']} hops"
        "\nCalls: "
        + ", ".join(f"{calls[name]} {name}" for name in CALLS)
        + f"\nTime: {content['virtual_days']} days of migration in {content['wall_s']} s"
        f"\nReport: {path}"
    )
    for promise in outcome.broken:
        print(f"BROKEN: {promise}")
    print("\nEvery promise was kept." if not outcome.broken else "\nNot every promise was kept.")


def _mailbox(rig: Rig, play: Play, address: str) -> dict[str, Any]:
    said = play.mailboxes[address]
    cloud = rig.world.tenant.mailboxes.at_address(address)
    source = rig.world.source.at_address(address)
    return {
        "address": address,
        "stage": said["stage"],
        "code": said["code"],
        "source_messages": sum(1 for _ in source.store.walk()) if source else 0,
        "cloud_messages": sum(1 for _ in cloud.store.walk()) if cloud else 0,
        "certificate": _certificate(rig, said["certificate"]),
    }


def _certificate(rig: Rig, path: str) -> dict[str, Any] | None:
    if not path:
        return None
    whole = json.loads(rig.report(path))
    return {
        "report": path,
        "complete": whole["is_complete"],
        "source": whole["source_count"],
        "cloud": whole["cloud_count"],
        "named": len(whole["named"]),
    }


def _broken(
    rig: Rig, play: Play, mailboxes: Iterable[dict[str, Any]], verdict: Verdict
) -> Iterable[str]:
    ends = play.expected_ends()
    for row in mailboxes:
        found = (row["stage"], row["code"] or "")
        if found != ends[row["address"]]:
            yield f"{row['address']} ended as {found}, not as {ends[row['address']]}"
        if row["stage"] == "MIGRATED" and not (row["certificate"] or {}).get("complete"):
            yield f"{row['address']} has no certificate of completeness"
    if not play.arrived_home:
        yield "the rolled-back mailbox does not receive at the source"
    yield from _broken_flow(verdict)
    yield from _broken_seats(rig)
    yield from _left_behind(rig)


def _broken_flow(verdict: Verdict) -> Iterable[str]:
    counts = {
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "in a loop": verdict.loop_count,
        "bounced": verdict.bounced_count,
        "still on the way": verdict.in_flight_count,
    }
    yield from (f"{count} messages {what}" for what, count in counts.items() if count)
    if verdict.hops_max > HOPS_MAX:
        yield f"a message crossed {verdict.hops_max} times between the systems"


def _broken_seats(rig: Rig) -> Iterable[str]:
    directory = rig.world.tenant.directory
    for sku_id, seats in directory.shelf.seats.items():
        if directory.consumed(sku_id) > seats.assignable():
            yield f"more licences of {sku_id} given than bought"


def _left_behind(rig: Rig) -> Iterable[str]:
    names = rig.uploads_left()
    if names:
        yield f"files with passwords are still in the container: {', '.join(names)}"
