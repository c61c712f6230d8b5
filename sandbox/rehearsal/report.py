"""What became of everybody and of every message on the real servers: for a person, and as JSON for a program."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.rehearsal.judgement import Judgement
from sandbox.rehearsal.mail_log import DEFERRED
from sandbox.rehearsal.stage import BATCH, Stage

IN_FLIGHT_MIN = 2_000
DETACHED, REDIRECTED, MIGRATED = "DETACHED", "REDIRECTED", "MIGRATED"


@dataclass(frozen=True)
class Outcome:
    """The report."""

    content: dict[str, Any]

    @property
    def broken(self) -> tuple[str, ...]:
        """Every promise that was not kept, as the report has it."""
        return tuple(self.content["broken"])


def outcome(
    stage: Stage, judgement: Judgement, *, during_cutover: int, in_flight_min: int, wall_s: float
) -> Outcome:
    """Put together what the app says, what the mailboxes hold and what the logs tell."""
    rows = [_mailbox(stage, address) for address in stage.addresses]
    verdict = judgement.verdict
    content = {
        "batch": BATCH,
        "seed": stage.rig.options.seed,
        "mailboxes": rows,
        "mail": {
            "sent": dict(sorted(stage.post.counts.items())),
            "sent_during_cutover": during_cutover,
            "accepted": verdict.expected_count,
            "lost": [list(mark) for mark in verdict.lost],
            "doubled": [list(mark) for mark in verdict.doubled],
            "loops": verdict.loop_count,
            "hops_max": verdict.hops_max,
            "compared_by_octet": judgement.compared_count,
            "altered": list(judgement.altered),
            "returned": [str(each) for each in judgement.returned],
        },
        "lists": _lists(stage),
        "full_mailboxes": _full_mailboxes(stage, judgement),
        "postfix": judgement.log.counts(),
        "broken": [*judgement.named, *broken_ends(rows, during_cutover, in_flight_min)],
        "wall_s": round(wall_s, 1),
    }
    return Outcome(content)


def write(content: dict[str, Any], path: Path) -> None:
    """Write the report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def show(outcome: Outcome, path: Path) -> None:
    """The summary."""
    content = outcome.content
    print(f"\n{'mailbox':40} {'stage':10} {'source':>6} {'cloud':>6}  DETACHED to REDIRECTED")
    for row in content["mailboxes"]:
        gap = row["detached_to_redirected_s"]
        print(
            f"{row['address']:40} {row['stage']:10} {row['source_messages']:6}"
            f" {row['cloud_messages']:6}  {f'{gap:.0f} s' if gap is not None else '-'}"
        )
    mail = content["mail"]
    print("\nSent: " + ", ".join(f"{count} {kind}" for kind, count in mail["sent"].items()))
    print("Postfix: " + ", ".join(f"{count} {what}" for what, count in content["postfix"].items()))
    print(
        f"Mail: {mail['accepted']} messages had to arrive ({mail['sent_during_cutover']} sent during"
        f" the cutover), {len(mail['lost'])} lost, {len(mail['doubled'])} doubled,"
        f" {sum(row['doubled_by_certificate'] or 0 for row in content['mailboxes'])} by the certificates,"
        f" {mail['loops']} loops, at most {mail['hops_max']} hops;"
        f" {mail['compared_by_octet']} compared octet by octet, {len(mail['altered'])} altered"
        f"\n{sum(each['letters_to_both_sides'] for each in content['lists'])} letters to lists met"
        f" members on both sides; {len(mail['returned'])} came back to their senders from a full mailbox"
        f"\nTime: {content['wall_s']} s\nReport: {path}"
    )
    for promise in outcome.broken:
        print(f"BROKEN: {promise}")
    print("\nEvery promise was kept." if not outcome.broken else "\nNot every promise was kept.")


def _mailbox(stage: Stage, address: str) -> dict[str, Any]:
    world, said = stage.rig.world, stage.operator.mailboxes[address]
    cloud = world.tenant.mailboxes.at_address(address)
    source = world.source.at_address(address)
    reached = stage.operator.reached_utc(address)
    return {
        "address": address,
        "stage": said["stage"],
        "code": said["code"],
        "source_messages": sum(1 for _ in source.store.walk()) if source else 0,
        "cloud_messages": sum(1 for _ in cloud.store.walk()) if cloud else 0,
        "certificate": said["certificate"],
        "doubled_by_certificate": _doubled_count(stage, said["certificate"]),
        "detached_to_redirected_s": _between(reached.get(DETACHED), reached.get(REDIRECTED)),
    }


def _doubled_count(stage: Stage, certificate: str) -> int | None:
    """How many messages a certificate names as being there twice; None without one."""
    if not certificate:
        return None
    return int(json.loads(stage.rig.report(certificate))["doubled_count"])


def _lists(stage: Stage) -> list[dict[str, Any]]:
    """Who is on each list, where it is opened, and how many letters met members on both sides."""
    return [
        {
            "address": address,
            "members": list(members),
            "is_group_in_tenant": address in stage.source.shared_lists,
            "letters": stage.post.list_letters[address],
            "letters_to_both_sides": stage.post.mixed_letters[address],
        }
        for address, members in sorted(stage.source.lists.items())
    ]


def _full_mailboxes(stage: Stage, judgement: Judgement) -> list[dict[str, Any]]:
    """What became of mail for the mailboxes that were over quota for a while."""
    home_of = stage.rig.world.naming.source_address
    deferred = Counter(each.destination for each in judgement.log.with_status(DEFERRED))
    returned = Counter(each.recipient for each in judgement.returned)
    return [
        {
            "address": address,
            "answer": room.name.removeprefix("NONE_").lower(),
            "returned": returned[address],
            "deferrals": deferred[home_of(address)],
        }
        for address, room in sorted(stage.source.filled.items())
    ]


def _between(first_utc: datetime | None, then_utc: datetime | None) -> float | None:
    if first_utc is None or then_utc is None:
        return None
    return round((then_utc - first_utc).total_seconds(), 1)


def broken_ends(
    rows: list[dict[str, Any]], during_cutover: int, in_flight_min: int
) -> Iterator[str]:
    """What was promised of the mailboxes, as the report has them, and of the mail on its way, and not kept."""
    for row in rows:
        if row["stage"] != MIGRATED:
            yield f"{row['address']} ended {row['stage']} ({row['code']})"
        elif not row["certificate"]:
            yield f"{row['address']} has no certificate"
    if during_cutover < in_flight_min:
        yield f"only {during_cutover} messages were sent during the cutover"
