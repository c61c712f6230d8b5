"""Invariant 2: every accepted message is where its mailbox lives, once, or named on the certificate with the reason."""

import json
from collections import Counter
from datetime import datetime, timedelta

from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from sandbox.simulate.excuses import GROUP_TROUBLE, SLACK, place_of
from sandbox.simulate.existence import Existence, LifeBroken
from sandbox.simulate.life import ALIAS_TROUBLE, OUTAGES, DeedKind
from sandbox.world.mail import fingerprint, header
from sandbox.world.postfix import EXPIRED
from sandbox.world.verdict import Mark, judge, marks_over

PROMISE = "2 nothing lost, nothing doubled"
# A mailbox that is given up waits this long for what the cloud received to come home.
GIVING_UP = timedelta(hours=24)
OUT_OF_REACH = (*OUTAGES, *GROUP_TROUBLE, DeedKind.PASSWORD_CHANGED, DeedKind.CLOCK_JUMP)
# Copies of a group are renewed after four hours at most; a new rule is in force everywhere before that.
FORGOTTEN = timedelta(hours=4)


def nothing_lost_or_doubled(life: Existence) -> None:
    """What is not in the cloud mailbox of who has moved is just what the certificate names."""
    rows = life.records()
    certified = Counter[Mark]()
    for row in rows:
        if row.stage is Stage.MIGRATED:
            certified += named_on_certificate(life, row)
    verdict = judge(life.world, named=certified)
    settled = {row.address for row in rows if _must_be_whole(life, row)}
    at_home = {row.address for row in rows if row.stage is not Stage.MIGRATED}
    excused = {mark for mark in _misled(life) if mark[0] in at_home}
    for promise, marks in (
        ("lost", [m for m in verdict.lost if m[0] in settled and m not in excused]),
        ("nowhere", verdict.nowhere),
        ("doubled", verdict.doubled),
        ("named and not missing, or without a reason", _wrongly_named(life, certified)),
    ):
        if marks:
            raise LifeBroken(PROMISE, f"{promise}: {list(marks)[:3]}")
    if verdict.in_flight_count:
        raise LifeBroken(PROMISE, "mail still stands in a queue")


def named_on_certificate(life: Existence, row: MailboxRecord) -> Counter[Mark]:
    """The messages that the certificate of a mailbox names, found at the source by folder and UID."""
    path = f"{row.batch}/{row.key}.certificate.json"
    content = json.loads(life.ports.blobs.reports.get(path, b"{}"))
    if content.get("address") != row.address or "named" not in content:
        raise LifeBroken(PROMISE, f"{path}, the certificate of {row.address}, says nothing")
    box = life.world.source.at_address(row.address)
    held = {} if box is None else {(f.name, str(m.uid)): m.raw for f, m in box.store.walk()}
    return Counter(
        _mark(row.address, held, (named["folder"], named["handle"])) for named in content["named"]
    )


def _mark(address: str, held: dict[tuple[str, str], bytes], place: tuple[str, str]) -> Mark:
    if place not in held:
        what = f"names UID {place[1]} of {place[0]}, where there is no message"
        raise LifeBroken(PROMISE, f"the certificate of {address} {what}")
    return address, fingerprint(held[place])


def _wrongly_named(life: Existence, certified: Counter[Mark]) -> list[Mark]:
    """What a certificate names although it is in the cloud, or although nothing in the world kept it from getting there."""
    missing = Counter(judge(life.world).lost)
    too_large = marks_over(life.world, life.weather.migration_message_max_bytes)
    return sorted(certified - (missing & too_large))


def _must_be_whole(life: Existence, row: MailboxRecord) -> bool:
    """Whoever has moved, and whoever is at home, unless given up with mail in the cloud that nobody could reach."""
    if row.stage is Stage.SET_ASIDE:
        return False
    return row.stage is not Stage.ABANDONED or not _was_out_of_reach(life, row)


def _was_out_of_reach(life: Existence, row: MailboxRecord) -> bool:
    """The operator is told so, and something in the world kept the product from it while it tried."""
    if not row.detail or row.stage_since_utc is None:
        return False
    since_utc = row.stage_since_utc - GIVING_UP - SLACK
    return life.troubles.met(OUT_OF_REACH, *place_of(life, row), since_utc)


def _misled(life: Existence) -> set[Mark]:
    """Mail that came to rest in the cloud while rule or group were gone, or not yet known again by every server."""
    troubles = life.troubles.of(GROUP_TROUBLE)
    return {
        (journey.recipient, journey.fingerprint)
        for journey in life.world.trace.journeys.values()
        if any(end.startswith("cloud:") for end in journey.delivered_to)
        and any(
            each.from_utc <= journey.accepted_utc
            and each.lasted_after(journey.accepted_utc - FORGOTTEN)
            for each in troubles
        )
    }


def bounced_for_a_reason(life: Existence) -> None:
    """Mail goes back to its sender only when Postfix has tried for days, or where a person had edited the alias."""
    rows = {row.address: row for row in life.records()}
    for journey in life.world.trace.journeys.values():
        if journey.bounced in (None, EXPIRED):
            continue
        place = place_of(life, rows[journey.recipient])
        if not life.troubles.met(ALIAS_TROUBLE, *place, journey.accepted_utc):
            raise LifeBroken(PROMISE, f"mail to {journey.recipient} bounced: {journey.bounced}")


def no_probe_left(life: Existence) -> None:
    """No user ever meets a probe."""
    with life.world.kernel.look():
        stores = [(box.address, box.store) for box in life.world.source.all()]
        stores += [(m.primary_address, m.store) for m in life.world.tenant.mailboxes.all()]
        for address, store in stores:
            # Whoever was given up has no password here any more: what comes later is out of reach, and so is what could not
            # be reached before.
            until_utc = _reached_until_utc(life, address)
            for _, message in store.walk():
                is_probe = (header(message.raw, "Subject") or "").startswith("Bascule probe")
                if is_probe and (until_utc is None or message.internal_utc <= until_utc):
                    raise LifeBroken(PROMISE, f"a probe lies at {address}")


def _reached_until_utc(life: Existence, address: str) -> datetime | None:
    """Of who was given up: when the product looked for probes the last time. None: it goes on looking."""
    for row in life.records():
        if row.address == address and row.stage is Stage.ABANDONED:
            return row.home_looked_utc if _was_out_of_reach(life, row) else row.stage_since_utc
    return None
