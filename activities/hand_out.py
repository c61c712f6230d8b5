"""The sealed store of new passwords: sealed before they are set, open for export, destroyed when their time is over.

    prepare   make and seal a password, or find the one of an earlier attempt      before the directory hears of it
    settle    the directory took it: it is the one in force now
    discard   the directory refused it
    forget    somebody set another one than the one in force
    expire    a day's key is destroyed, and with it every copy of that day's passwords

A crash between any two leaves a password sealed that is found, or replaced, by the next attempt.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from bascule.domain.codes import Code
from bascule.domain.errors import Conflict, Refusal
from bascule.domain.hand_out import (
    DAY_PREFIX,
    ENTRY_PREFIX,
    TOLD_PREFIX,
    HandOut,
    Person,
    SealedPassword,
    SealingDay,
    Told,
    day_name,
    entry_name,
    is_over,
    vault_of,
)
from bascule.domain.passwords import NewPassword
from bascule.domain.plan import PasswordRule
from bascule.ports.bundle import Ports


def prepare(ports: Ports, person: Person, origin: str, make: Callable[[], NewPassword]) -> str:
    """The password to set, sealed. A random one that an earlier attempt of this origin sealed is the same again."""
    new = make()
    entry = find_entry(ports, person.address)
    waiting = entry.waiting if entry else None
    if waiting and waiting.origin == origin and new.rule is waiting.rule is PasswordRule.RANDOM:
        known = opened(ports, waiting)
        if known is not None:
            return known
    seal_waiting(ports, person, origin, new)
    return new.text


def seal_waiting(ports: Ports, person: Person, origin: str, new: NewPassword) -> None:
    """Seal a password that waits to be set; another one that waited is destroyed."""
    seal_many(ports, origin, [(person, new)])


def seal_many(ports: Ports, origin: str, passwords: Sequence[tuple[Person, NewPassword]]) -> None:
    """The same for many people: the secrets in few writes, then what is known of each."""
    now_utc = ports.clock.now_utc()
    day = now_utc.date().isoformat()
    # First, so that no key is ever made that nobody destroys.
    ports.documents.amend(day_name(day), SealingDay, lambda _: SealingDay(day))
    sealed = [
        SealedPassword(day, f"{entry_name(person.address)}.{origin}", origin, new.rule, now_utc)
        for person, new in passwords
    ]
    secrets = {place.key: new.text for place, (_, new) in zip(sealed, passwords, strict=True)}
    ports.secrets.seal(vault_of(day), secrets)
    for place, (person, _) in zip(sealed, passwords, strict=True):
        _await(ports, person, place)


def _await(ports: Ports, person: Person, sealed: SealedPassword) -> None:
    before = find_entry(ports, person.address)
    ports.documents.amend(
        entry_name(person.address),
        HandOut,
        lambda entry: replace(entry or HandOut(person), person=person, waiting=sealed),
    )
    if before:
        _destroy(ports, before.waiting, unless=(sealed, before.current))


def settle(
    ports: Ports, address: str, origin: str, *, set_by: str = "", is_certain: bool = True
) -> None:
    """The directory has taken the password of this origin that waited. Settled already is success.

    Raises:
        Conflict: another one was sealed meanwhile, so that nobody knows which is in force.
    """
    before = find_entry(ports, address)
    now_utc = ports.clock.now_utc()

    def change(entry: HandOut | None) -> HandOut:
        if entry is None or entry.waiting is None or entry.waiting.origin != origin:
            if entry and entry.current and entry.current.origin == origin:
                return entry
            raise Conflict(f"another password was sealed for {address} meanwhile")
        taken = replace(
            entry.waiting, set_utc=now_utc, set_by=set_by or origin, is_certain=is_certain
        )
        return replace(entry, current=taken, waiting=None, exported_utc=None)

    after = ports.documents.amend(entry_name(address), HandOut, change)
    if before:
        _destroy(ports, before.current, unless=(after.current, after.waiting))


def acknowledge(ports: Ports, address: str, origin: str) -> None:
    """An account was found while a password for it still waited: an answer was lost, or somebody else created it."""
    entry = find_entry(ports, address)
    if entry is not None and entry.waiting is not None and entry.waiting.origin == origin:
        settle(ports, address, origin, is_certain=False)


def discard(ports: Ports, address: str, origin: str) -> None:
    """Forget a password of this origin that waited. Forgotten already is success."""
    entry = find_entry(ports, address)
    if entry is None or entry.waiting is None or entry.waiting.origin != origin:
        return
    ports.documents.amend(
        entry_name(address),
        HandOut,
        lambda stored: replace(stored or entry, waiting=None),
    )
    _destroy(ports, entry.waiting, unless=(entry.current,))


def forget(ports: Ports, address: str) -> None:
    """Another password than the one kept as in force was set by somebody else. Forgotten already is success."""
    entry = find_entry(ports, address)
    if entry is None or entry.current is None:
        return

    def change(stored: HandOut | None) -> HandOut:
        now = stored or entry
        return now if now.current != entry.current else replace(now, current=None)

    after = ports.documents.amend(entry_name(address), HandOut, change)
    _destroy(ports, entry.current, unless=(after.current, after.waiting))


def find_entry(ports: Ports, address: str) -> HandOut | None:
    """What is kept for a person; None when there is nothing."""
    return ports.documents.find(entry_name(address), HandOut)


def opened(ports: Ports, sealed: SealedPassword) -> str | None:
    """The password itself; None when it was destroyed."""
    try:
        return ports.secrets.open(vault_of(sealed.day), sealed.key)
    except Refusal as refusal:
        if refusal.code is not Code.SECRET_UNREADABLE:
            raise
        return None


def expire(ports: Ports) -> int:
    """Destroy the keys of days that are over, and what is known of their passwords; how many days were over."""
    now_utc, keep_days = ports.clock.now_utc(), ports.plan.hand_out.keep_days
    days = [name.removeprefix(DAY_PREFIX) for name in ports.documents.names(DAY_PREFIX)]
    over = frozenset(day for day in days if is_over(day, now_utc, keep_days))
    if not over:
        return 0
    for day in sorted(over):
        ports.secrets.destroy_batch(vault_of(day))
    for name in ports.documents.names(ENTRY_PREFIX):
        _forget(ports, name, over)
    for name in ports.documents.names(TOLD_PREFIX):
        told = ports.documents.find(name, Told)
        if told and is_over(told.day, now_utc, keep_days):
            ports.documents.remove(name)
    # Last, so that a crash before it leaves the day to be found again.
    for day in over:
        ports.documents.remove(day_name(day))
    return len(over)


def _forget(ports: Ports, name: str, days: frozenset[str]) -> None:
    entry = ports.documents.find(name, HandOut)
    if entry is None or not days & {_day(entry.waiting), _day(entry.current)}:
        return
    if _without(entry, days).is_empty:
        ports.documents.remove(name)
    else:
        ports.documents.amend(name, HandOut, lambda stored: _without(stored or entry, days))


def _without(entry: HandOut, days: frozenset[str]) -> HandOut:
    return replace(
        entry,
        waiting=None if _day(entry.waiting) in days else entry.waiting,
        current=None if _day(entry.current) in days else entry.current,
    )


def _day(sealed: SealedPassword | None) -> str:
    return sealed.day if sealed else ""


def _destroy(
    ports: Ports, sealed: SealedPassword | None, *, unless: tuple[SealedPassword | None, ...]
) -> None:
    """Destroy a sealed password, unless one that is still needed lies in the same place."""
    if sealed is None or any(
        other and (other.day, other.key) == (sealed.day, sealed.key) for other in unless
    ):
        return
    ports.secrets.destroy(vault_of(sealed.day), sealed.key)
