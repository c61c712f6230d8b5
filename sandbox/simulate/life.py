"""One simulated life as a value: the world it begins in, what people do in it, and what goes wrong.

A life is drawn from its seed, can be written down, made smaller and lived again. Seconds count from the life's start.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from bascule.domain.plan import PatiencePlan
from bascule.domain.stages import Stage
from sandbox.world.weather import Weather


class DeedKind(StrEnum):
    """What people do, and what happens to the world beside the weather."""

    UPLOAD = "upload"
    UPLOAD_AGAIN = "upload_again"
    UPLOAD_CHANGED = "upload_changed"
    UPLOAD_SHORT = "upload_short"
    UPLOAD_DATED = "upload_dated"
    ACCEPT_DIFFERENCE = "accept_difference"
    CUTOVER = "cutover"
    ROLLBACK = "rollback"
    RETRY = "retry"
    ABANDON = "abandon"
    SURVEY = "survey"
    MAIL_OUTSIDE = "mail_outside"
    MAIL_INSIDE = "mail_inside"
    ALIAS_EDITED = "alias_edited"
    ALIAS_DOUBLED = "alias_doubled"
    ALIAS_REMOVED = "alias_removed"
    ALIAS_HOMED = "alias_homed"
    ALIAS_MENDED = "alias_mended"
    ALIAS_BYPASSED = "alias_bypassed"
    BYPASS_MENDED = "bypass_mended"
    GROUP_DELETED = "group_deleted"
    GROUP_MENDED = "group_mended"
    MEMBER_ADDED = "member_added"
    RULE_DELETED = "rule_deleted"
    RULE_MENDED = "rule_mended"
    SEATS_TAKEN = "seats_taken"
    SEATS_FREED = "seats_freed"
    SYNC_STOPPED = "sync_stopped"
    SYNC_STARTED = "sync_started"
    USER_FAILED = "user_failed"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_MENDED = "password_mended"
    CLOCK_JUMP = "clock_jump"
    CLOCK_SKEW = "clock_skew"
    SOURCE_DOWN = "source_down"
    GRAPH_DOWN = "graph_down"
    EXCHANGE_DOWN = "exchange_down"
    WATCHDOG = "watchdog"


ALIAS_TROUBLE = (
    DeedKind.ALIAS_EDITED,
    DeedKind.ALIAS_DOUBLED,
    DeedKind.ALIAS_REMOVED,
    DeedKind.ALIAS_HOMED,
)
OUTAGES = frozenset({DeedKind.SOURCE_DOWN, DeedKind.GRAPH_DOWN, DeedKind.EXCHANGE_DOWN})


@dataclass(frozen=True)
class Deed:
    """One deed. `amount` is hours of a jump or an outage, seconds of a skew, seats taken, or hours until a cutover (also that of a dated row)."""

    at_s: float
    kind: DeedKind
    batch: int = 0
    people: tuple[int, ...] = ()
    amount: float = 0.0


@dataclass(frozen=True)
class Plot:
    """A deed that waits for its moment: `deed.at_s` seconds after its first person has come to `stage` for the `nth` time."""

    stage: Stage
    deed: Deed
    nth: int = 1


class FaultKind(StrEnum):
    """How the engine, the host and the network between them fail."""

    KILLED_BEFORE_STEP = "killed_before_step"
    KILLED_BEFORE_CALL = "killed_before_call"
    KILLED_AFTER_CALL = "killed_after_call"
    KILLED_AFTER_STEP = "killed_after_step"
    KILLED_AFTER_COMMIT = "killed_after_commit"
    KILLED_IN_TURN = "killed_in_turn"
    STEP_TWICE = "step_twice"
    STEP_LATE_AGAIN = "step_late_again"
    BELL_LOST = "bell_lost"
    BELL_DOUBLED = "bell_doubled"


KILLS = frozenset(kind for kind in FaultKind if kind.startswith("killed"))


@dataclass(frozen=True)
class Fault:
    """One fault: at the `nth` run of a step (or the nth bell), before or after its `call`-th port call.

    `pause_s` is how long the host stays down after a kill, or how late a repeated step comes.
    """

    kind: FaultKind
    step: str = ""
    nth: int = 0
    call: int = 0
    pause_s: float = 0.0


@dataclass(frozen=True)
class Pace:
    """The plan's numbers that a life may draw; units as in the plan."""

    hold_s: int = 14_400
    probe_count: int = 3
    probe_interval_s: int = 60
    quiet_s: int = 8_100
    grace_h: int = 120
    keep_alive_days: int = 40
    source_probe: bool = False
    patience: PatiencePlan = field(default_factory=PatiencePlan)


@dataclass(frozen=True)
class Life:
    """Everything that decides what happens; the same life is lived the same way every time."""

    seed: int
    batches: tuple[tuple[int, ...], ...]
    """The people of each batch, by number."""
    staff: tuple[int, ...] = ()
    given: tuple[int, ...] = ()
    """Those whose row gives the password of their new account."""
    seats_spare: int = 100
    messages_each: int = 4
    has_large_message: bool = False
    days: float = 6.0
    """After so many days the weather is calm, everything is mended and the operators carry all to the end."""
    pace: Pace = Pace()
    weather: Weather = field(default_factory=Weather)
    deeds: tuple[Deed, ...] = ()
    plots: tuple[Plot, ...] = ()
    faults: tuple[Fault, ...] = ()
    through_sdk: bool = False
    """Whether it is lived through the engine and the SDK, or on the swift host."""

    @property
    def people_count(self) -> int:
        """How many people live in it."""
        return 1 + max((person for batch in self.batches for person in batch), default=-1)
