"""Invariant 7: no password in what stories and steps exchange, none in clear at rest, none kept longer than it is needed."""

from collections.abc import Iterator

from sandbox.simulate.existence import Existence, LifeBroken

PROMISE = "7 secrets"


def no_secret_passed(life: Existence) -> None:
    """No password in any input, answer, error or custom status."""
    if life.host.leaks:
        raise LifeBroken(PROMISE, f"a password passed through {sorted(life.host.leaks)}")


def no_secret_at_rest(life: Existence) -> None:
    """No password in clear anywhere but in an upload that was not taken in yet."""
    for place, text in _at_rest(life):
        if any(word in text for word in life.host.forbidden):
            raise LifeBroken(PROMISE, f"a password stands in clear in the {place}")


def no_secret_outstays(life: Existence) -> None:
    """At the end no upload lies there any more, no closed batch has passwords, and no mail holds one."""
    lying = life.ports.blobs.lying()
    if lying:
        raise LifeBroken(PROMISE, f"the upload of {sorted(lying)} was never withdrawn")
    for batch in life.ports.ledger.batches():
        if batch.closed_utc is not None and life.ports.secrets.kept_count(batch.name):
            raise LifeBroken(PROMISE, f"passwords of the closed batch {batch.name} are kept")
    words = [word.encode() for word in life.host.forbidden]
    for box in life.world.tenant.mailboxes.all():
        if any(word in message.raw for _, message in box.store.walk() for word in words):
            raise LifeBroken(PROMISE, f"a password lies in the mail of {box.primary_address}")


def _at_rest(life: Existence) -> Iterator[tuple[str, str]]:
    """(place, everything that is written there); the sealed secrets are the one place left out."""
    ports = life.ports
    yield "rows", repr((life.records(), list(ports.ledger.batches())))
    yield "journal", repr(ports.journal.kept())
    yield "alerts", repr(ports.notifier.alerts)
    yield "documents", repr(ports.documents.kept())
    yield "boards", repr(ports.boards.kept())
    for path, content in (*ports.blobs.reports.items(), *ports.blobs.archive.items()):
        yield path, content.decode()
