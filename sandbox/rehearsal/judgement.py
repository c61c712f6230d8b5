"""The verdict over the real mailboxes and both logs: what is lost, doubled or in a loop, each by name and with its trail."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandbox.rehearsal.letters import Letters
from sandbox.rehearsal.mail_log import BOUNCED, MailLog, read_logs
from sandbox.rehearsal.real_source import RealSource
from sandbox.rehearsal.returned import Returned, settle_returned
from sandbox.rig.plan_text import MESSAGE_SIZE_MAX_BYTES
from sandbox.world.mail import TRACE_HEADERS, MailStore, fingerprint, header
from sandbox.world.trace import is_probe
from sandbox.world.verdict import Mark, Verdict, judge, marks_over
from sandbox.world.world import World

HOPS_MAX = 2
# Our letters have a Message-ID; a server that gives them another has changed them.
ADDED_HEADERS = TRACE_HEADERS - {b"message-id"}


@dataclass(frozen=True)
class Judgement:
    """What became of the mail."""

    verdict: Verdict
    log: MailLog
    compared_count: int
    altered: tuple[str, ...]
    """Messages whose octets changed on the way, by description."""
    returned: tuple[Returned, ...]
    """Messages that came back to their senders, rightly or not."""
    named: tuple[str, ...]
    """Every broken promise in words, the message and its trail with it."""

    @property
    def is_clean(self) -> bool:
        """Whether every promise was kept."""
        return not self.named


def judge_mail(world: World, source: RealSource, letters: Letters) -> Judgement:
    """Read every mailbox on both sides, and both logs."""
    source.look_at_mail(world)
    log = read_logs(source.host.postfixes)
    return weigh(world, source, letters, log, waiting_count=source.in_flight_count())


def weigh(
    world: World, source: RealSource, letters: Letters, log: MailLog, *, waiting_count: int
) -> Judgement:
    """The judgement on what was read; `waiting_count` messages are in a queue of the source."""
    with world.kernel.look():
        returned = settle_returned(world, source, letters, log)
        verdict = judge(world, named=marks_over(world, MESSAGE_SIZE_MAX_BYTES))
        compared_count, altered = _compared(world, letters)
        broken = [*_broken(world, verdict, letters, log), *_refused_or_left(world, log)]
        broken.extend(_without_end(world, letters, log))
    broken.extend(f"returned: {each}" for each in returned if not each.is_accounted_for)
    broken.extend(f"altered: {each}" for each in altered)
    if waiting_count:
        broken.append(f"{waiting_count} messages are still in a queue of the source")
    return Judgement(verdict, log, compared_count, tuple(altered), returned, tuple(broken))


def _broken(world: World, verdict: Verdict, letters: Letters, log: MailLog) -> Iterator[str]:
    for what, marks in (("lost", verdict.lost), ("doubled", verdict.doubled)):
        for mark in marks:
            yield f"{what}: {_told(mark, letters.sent, log)}"
    for journey in world.trace.loops():
        told = _told((journey.recipient, journey.fingerprint), letters.sent, log)
        yield f"loop: {told}; it went {', '.join(journey.hops)}"
    if verdict.hops_max > HOPS_MAX:
        yield f"a message crossed {verdict.hops_max} times between the systems"
    if verdict.in_flight_count:
        yield f"{verdict.in_flight_count} messages are still on their way in the tenant"


def _refused_or_left(world: World, log: MailLog) -> Iterator[str]:
    given_back = {attempt.said for attempt in log.with_status(BOUNCED)}
    for journey in world.trace.journeys.values():
        if journey.bounced is not None and journey.bounced not in given_back:
            yield f"bounced: to {journey.recipient}: {journey.bounced}"
    for name, store in [*_stores(world), *_recoverable(world)]:
        if any(is_probe(message.raw) for _, message in store.walk()):
            yield f"a probe was left in the mailbox of {name}"


def _without_end(world: World, letters: Letters, log: MailLog) -> Iterator[str]:
    """Letters that a Postfix took and that its log loses: never in its queue, or never out of it."""
    handed_over = {
        (journey.recipient, journey.fingerprint)
        for journey in world.trace.journeys.values()
        if journey.bounced is None
        and (journey.accepted_by == "postfix" or "tenant->postfix" in journey.hops)
    }
    for mark in sorted(handed_over):
        raw = letters.sent.get(mark[1])
        message_id = header(raw, "Message-ID") if raw else None
        if message_id and (message_id in log.unended or message_id not in log.entered):
            yield f"no end: {_told(mark, letters.sent, log)}"


def _told(mark: Mark, sent: Mapping[str, bytes], log: MailLog) -> str:
    address, print_of = mark
    raw = sent.get(print_of)
    if raw is None:
        return f"a message of {address} that was there before ({print_of[:12]})"
    message_id = header(raw, "Message-ID") or ""
    trail = " | ".join(log.life_of(message_id)) or "no Postfix saw it"
    written_to = header(raw, "To") or address
    way = f" by {written_to}" if written_to != address else ""
    return f"{header(raw, 'Subject')} to {address}{way}: {trail}"


def _compared(world: World, letters: Letters) -> tuple[int, list[str]]:
    count, altered = 0, []
    for name, store in _stores(world):
        for _, message in store.walk():
            sent = letters.sent.get(fingerprint(message.raw))
            if sent is not None:
                count += 1
                if not is_as_sent(message.raw, sent):
                    altered.append(f"{header(sent, 'Subject')} in the mailbox of {name}")
    return count, altered


def _stores(world: World) -> Iterator[tuple[str, MailStore]]:
    for box in world.source.all():
        yield f"{box.address} at the source", box.store
        in_cloud = world.tenant.mailboxes.at_address(box.address)
        if in_cloud is not None:
            yield f"{box.address} in the cloud", in_cloud.store


def _recoverable(world: World) -> Iterator[tuple[str, MailStore]]:
    """What people find under *Recover deleted items*."""
    for box in world.tenant.mailboxes.all():
        yield f"{box.primary_address}, among what can be recovered", box.recoverable


def is_as_sent(stored: bytes, sent: bytes) -> bool:
    """Whether a stored message is the octets that were sent, below nothing but headers that servers add."""
    if not stored.endswith(sent):
        return False
    added = stored[: len(stored) - len(sent)]
    lines = added.split(b"\r\n")
    return lines.pop() == b"" and all(
        line[:1] in (b" ", b"\t") or line.partition(b":")[0].lower() in ADDED_HEADERS
        for line in lines
    )
