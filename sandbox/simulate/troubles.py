"""What went wrong in a life, of whom, from when until when: the only excuses that a checker takes."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sandbox.simulate.life import ALIAS_TROUBLE, OUTAGES, Deed, DeedKind

# Deeds that concern the mailboxes of their people and nobody else's; or those of their batch.
PERSONAL = frozenset(
    {*ALIAS_TROUBLE, DeedKind.ALIAS_BYPASSED, DeedKind.USER_FAILED, DeedKind.PASSWORD_CHANGED}
)
OF_A_BATCH = frozenset({DeedKind.SYNC_STOPPED})
# Over in the moment in which they happen.
SUDDEN = frozenset({DeedKind.CLOCK_JUMP, DeedKind.USER_FAILED})
# A host that is back sooner has delayed nothing for which the product has no patience.
SLEEP_MIN = timedelta(hours=1)
LASTING = frozenset(
    {
        *ALIAS_TROUBLE,
        DeedKind.ALIAS_BYPASSED,
        DeedKind.GROUP_DELETED,
        DeedKind.RULE_DELETED,
        DeedKind.SEATS_TAKEN,
        DeedKind.SYNC_STOPPED,
        DeedKind.PASSWORD_CHANGED,
    }
)
# What each mending puts an end to.
MENDED_BY: dict[DeedKind, tuple[DeedKind, ...]] = {
    DeedKind.ALIAS_MENDED: ALIAS_TROUBLE,
    DeedKind.BYPASS_MENDED: (DeedKind.ALIAS_BYPASSED,),
    DeedKind.GROUP_MENDED: (DeedKind.GROUP_DELETED, DeedKind.RULE_DELETED),
    DeedKind.RULE_MENDED: (DeedKind.RULE_DELETED,),
    DeedKind.SEATS_FREED: (DeedKind.SEATS_TAKEN,),
    DeedKind.SYNC_STARTED: (DeedKind.SYNC_STOPPED,),
    DeedKind.PASSWORD_MENDED: (DeedKind.PASSWORD_CHANGED,),
}


@dataclass(frozen=True)
class Trouble:
    """One thing that went wrong; `until_utc` is None while it lasts."""

    kind: DeedKind
    batch: int
    people: frozenset[int]
    from_utc: datetime
    until_utc: datetime | None = None

    def lasted_after(self, instant_utc: datetime) -> bool:
        """Whether it was still so at some moment after an instant."""
        return self.until_utc is None or self.until_utc >= instant_utc

    def can_meet(self, person: int, batch: int) -> bool:
        """Whether it can have been felt by a mailbox."""
        if self.kind in PERSONAL:
            return person in self.people
        return batch == self.batch if self.kind in OF_A_BATCH else True


class TroubleBook:
    """All of them, as they come and go."""

    def __init__(self) -> None:
        self._all: list[Trouble] = []

    def note(self, deed: Deed, now_utc: datetime) -> None:
        """A deed was done just now."""
        hours = timedelta(hours=deed.amount)
        people = frozenset(deed.people)
        if deed.kind in MENDED_BY:
            self._end(MENDED_BY[deed.kind], people, now_utc)
        elif deed.kind in LASTING:
            self._all.append(Trouble(deed.kind, deed.batch, people, now_utc))
        elif deed.kind in OUTAGES:
            self._all.append(Trouble(deed.kind, deed.batch, people, now_utc, now_utc + hours))
        elif deed.kind in SUDDEN:
            began_utc = now_utc - (hours if deed.kind is DeedKind.CLOCK_JUMP else timedelta())
            self._all.append(Trouble(deed.kind, deed.batch, people, began_utc, now_utc))

    def note_sleep(self, from_utc: datetime, until_utc: datetime) -> None:
        """The host was away: what was to be done by then is late, as after a jump of the clock."""
        if until_utc - from_utc >= SLEEP_MIN:
            kind = DeedKind.CLOCK_JUMP
            self._all.append(Trouble(kind, 0, frozenset(), from_utc, until_utc))

    def _end(self, kinds: Collection[DeedKind], people: frozenset[int], now_utc: datetime) -> None:
        """These are mended: of the people, where each has their own."""
        for number, each in enumerate(self._all):
            is_theirs = each.kind not in PERSONAL or each.people <= people
            if each.kind in kinds and each.until_utc is None and is_theirs:
                self._all[number] = replace(each, until_utc=now_utc)

    def end_all(self, now_utc: datetime) -> None:
        """Everything is put right, and nothing is down any more."""
        for number, each in enumerate(self._all):
            if each.lasted_after(now_utc):
                self._all[number] = replace(each, until_utc=now_utc)

    def of(self, kinds: Collection[DeedKind]) -> list[Trouble]:
        """All troubles of these kinds."""
        return [each for each in self._all if each.kind in kinds]

    def met(
        self, kinds: Collection[DeedKind], person: int, batch: int, since_utc: datetime
    ) -> bool:
        """Whether a mailbox can have felt one of these at some moment since an instant."""
        return any(
            each.can_meet(person, batch) and each.lasted_after(since_utc) for each in self.of(kinds)
        )
