"""Probe messages: the only proof of which way the tenant sends a mailbox's mail now.

The members of the group as written say nothing about the transport servers, each of which remembers a group for hours.
A probe is sent from inside the tenant and looked for on both sides; after the redirect, if the plan asks for it, another
one through each Postfix, because the row as written says as little about what a Postfix reads. A probe is removed where it is found; one that is not
found is remembered as a stray and removed at the end, so that no user meets one.
"""

from dataclasses import dataclass, replace
from types import MappingProxyType

from bascule.domain.records import MailboxRecord
from bascule.domain.requests import MailboxView, Probe, ProbePlace, ProbeWay, Strays
from orchestrators.chapters import Pause, ref_of, remember, seconds_since
from orchestrators.steps import Context, Story, look_for_probe, remove_strays, send_probe

# Strays of the last tries; older ones have long arrived or bounced.
STRAY_COUNT_MAX = 40
STRAYS_AT_ONCE = 5
# A message inside the tenant takes seconds; looking at once would find nothing.
FIRST_LOOK_S = 20.0
# What passes when a probe has gone the other way.
FADING = MappingProxyType(
    {
        ProbeWay.TENANT: "the group's memory in the tenant to fade",
        ProbeWay.POSTFIX: "every Postfix to know the alias",
    }
)


@dataclass(frozen=True)
class Sighting:
    """A probe took the way we want; so many in a row did."""

    record: MailboxRecord
    proven_count: int


def probe_once(
    context: Context, view: MailboxView, wanted: ProbePlace, way: ProbeWay = ProbeWay.TENANT
) -> Story[Sighting | Pause]:
    """Send a probe, or look for the one that is on its way."""
    record = view.record
    if record.probe_token and record.probe_sent_utc is None:
        # Asked for before, and nobody heard whether it was sent. Of two with one token the later would be found by
        # nobody, so it is looked for among the strays too. A token for each try would push the others off that list
        # while a service is down.
        record = yield from _doubted(context, record)
    if not record.probe_token:
        # Written down before it is sent, so that a crash leaves no probe that nobody looks for.
        record = yield from remember(context, replace(record, probe_token=context.new_uuid()))
    probe = Probe(ref_of(record), record.probe_token, way)
    if record.probe_sent_utc is None:
        yield from send_probe(context, probe)
        yield from remember(context, replace(record, probe_sent_utc=context.current_utc_datetime))
        return Pause(FIRST_LOOK_S, "a probe")
    facts = yield from look_for_probe(context, probe)
    if facts.place is wanted:
        return (yield from _proven(context, record, wanted, way))
    patience_s = view.cutover.probe_patience_s
    if (
        facts.place is ProbePlace.NOWHERE
        and seconds_since(context, record.probe_sent_utc) < patience_s
    ):
        return Pause(view.cutover.probe_interval_s, "a probe")
    return (yield from _astray(context, record, Pause(patience_s, FADING[way])))


def without_proof(record: MailboxRecord) -> MailboxRecord:
    """The mailbox with nothing proven; a probe that is on its way counts no more, and is removed at the end."""
    seen = _with_stray(record) if record.probe_token else record
    return replace(seen, probe_proven_count=0)


def clear_strays(context: Context, record: MailboxRecord) -> Story[MailboxRecord]:
    """Remove what went astray, a few at a time and each few remembered: dozens of calls in one go never all succeed."""
    for _ in range(STRAY_COUNT_MAX):
        done = record.strays_cleared_count
        some = record.probe_strays[done : done + STRAYS_AT_ONCE]
        if not some:
            break
        yield from remove_strays(context, Strays(ref_of(record), some))
        record = yield from remember(
            context, replace(record, strays_cleared_count=done + len(some))
        )
    return record


def _proven(
    context: Context, record: MailboxRecord, place: ProbePlace, way: ProbeWay
) -> Story[Sighting]:
    # One that passed Postfix may have a twin there, sent when an answer was lost and held back for days.
    passed_postfix = place is ProbePlace.SOURCE or way is ProbeWay.POSTFIX
    seen = _with_stray(record) if passed_postfix else record
    proven = replace(
        seen,
        probe_token="",
        probe_sent_utc=None,
        probe_proven_count=record.probe_proven_count + 1,
    )
    kept = yield from remember(context, proven)
    return Sighting(kept, kept.probe_proven_count)


def _astray(context: Context, record: MailboxRecord, pause: Pause) -> Story[Pause]:
    """It went the other way, or nowhere: begin counting again."""
    yield from remember(context, replace(_with_stray(record), probe_proven_count=0))
    # A server that still remembers what was will do so for a while.
    return pause


def _doubted(context: Context, record: MailboxRecord) -> Story[MailboxRecord]:
    if record.probe_token in record.probe_strays:
        return record
    doubted = replace(_with_stray(record), probe_token=record.probe_token)
    return (yield from remember(context, doubted))


def _with_stray(record: MailboxRecord) -> MailboxRecord:
    strays = tuple(token for token in record.probe_strays if token != record.probe_token)
    return replace(
        record,
        probe_token="",
        probe_sent_utc=None,
        probe_strays=(*strays, record.probe_token)[-STRAY_COUNT_MAX:],
        strays_cleared_count=0,
    )
