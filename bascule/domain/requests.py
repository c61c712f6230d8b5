"""What stories ask of steps, and what steps answer. Everything here travels through the engine: no secret ever."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bascule.domain.codes import Code
from bascule.domain.plan import CutoverPlan
from bascule.domain.records import MailboxRecord, MailboxRef, Wish
from bascule.domain.routes import RouteSwitch
from bascule.domain.sync import SyncState


@dataclass(frozen=True)
class MailboxView:
    """One mailbox as its story sees it: the row, and the plan's numbers for where it stands."""

    record: MailboxRecord
    stood_since_utc: datetime
    """Since when it has been expected to move on."""
    patience_s: float
    """How long that may take."""
    expired_code: Code
    """Why it is set aside when the patience ends."""
    cutover: CutoverPlan
    routing_address: str
    waived: tuple[str, ...]
    """Offences waived for this mailbox, by its row or by the plan."""
    tenant_danger: str = ""
    """Why no cutover may begin: what routes mail in the tenant is not as it was prepared."""
    source_probe_count: int = 0
    """How many Postfixes must be seen to forward before the redirect is believed; 0: none is asked."""
    wants_survey: bool = False
    """The source is to be surveyed again before anything else."""
    straggler_look_utc: datetime | None = None
    """When mail that reached the cloud alone after a rollback is to be looked for again; None: no look is owed."""


@dataclass(frozen=True)
class Progress:
    """The row as its story wants it. Fields of the operator and of the batch are not taken from it."""

    record: MailboxRecord
    served_wish: Wish = Wish.NONE
    """The wish this progress fulfils; cleared if it is still the same one."""
    dropped_because: str = ""
    """Why that wish is cleared without being fulfilled; journaled, and the row's detail."""


@dataclass(frozen=True)
class SurveyFacts:
    """The survey in figures."""

    message_count: int
    size_bytes: int
    offences: tuple[str, ...]
    """`offence:count`."""


@dataclass(frozen=True)
class RouteExpectation:
    """What the alias map must hold for an address: exactly one destination."""

    ref: MailboxRef
    destination: str
    """Empty: the home destination of the plan's form."""


@dataclass(frozen=True)
class RouteFacts:
    """The one destination found."""

    destination: str


@dataclass(frozen=True)
class BypassFacts:
    """Alias rows that lead straight to a mailbox's home, past the address's own."""

    count: int
    named: str
    """The first of them, for a person to read."""


@dataclass(frozen=True)
class AccountFacts:
    """The account of a mailbox."""

    account_id: str


@dataclass(frozen=True)
class CloudMailboxQuestion:
    """Is the mailbox of this account open, at the address of the row?"""

    ref: MailboxRef
    account_id: str


@dataclass(frozen=True)
class LicenceRequest:
    """Give the cohort's licence: only the mailbox, or the services of afterwards."""

    ref: MailboxRef
    is_after: bool


@dataclass(frozen=True)
class MembershipQuestion:
    """Is the mailbox in, or out of, the coexistence group, seen not earlier than `since_utc`?"""

    ref: MailboxRef
    is_member: bool
    since_utc: datetime


@dataclass(frozen=True)
class SyncFacts:
    """What the sync board says of one mailbox."""

    state: SyncState
    synced_count: int
    skipped_count: int
    last_success_utc: datetime | None
    seen_utc: datetime


@dataclass(frozen=True)
class DeltaRequest:
    """A delta that begins after `since_utc`."""

    ref: MailboxRef
    since_utc: datetime


@dataclass(frozen=True)
class DeltaFacts:
    """Every delta that ends after `issued_utc` began after the instant asked for."""

    issued_utc: datetime


class ProbePlace(StrEnum):
    """Where a probe was found."""

    CLOUD = "cloud"
    SOURCE = "source"
    NOWHERE = "nowhere"


class ProbeWay(StrEnum):
    """Where a probe sets out."""

    TENANT = "tenant"
    """From a mailbox of the tenant: shows what the mail flow rule does."""
    POSTFIX = "postfix"
    """From outside, through a Postfix: shows what it does with the alias."""


@dataclass(frozen=True)
class Probe:
    """One probe message, known by its token."""

    ref: MailboxRef
    token: str
    way: ProbeWay = ProbeWay.TENANT


@dataclass(frozen=True)
class ProbeFacts:
    """Where it was; it has been removed from there."""

    place: ProbePlace


@dataclass(frozen=True)
class Strays:
    """Probes that may still turn up."""

    ref: MailboxRef
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class SwitchRequest:
    """Turn the route of a mailbox."""

    ref: MailboxRef
    change: RouteSwitch


@dataclass(frozen=True)
class MarkFacts:
    """A digest that changes when any folder of the source gets a message."""

    digest: str


@dataclass(frozen=True)
class CertificateRequest:
    """Prove completeness; with `since_utc` only of what reached the source since then."""

    ref: MailboxRef
    since_utc: datetime | None = None


@dataclass(frozen=True)
class CertificateFacts:
    """The certificate in figures; the whole of it stands in the reports container."""

    source_count: int
    cloud_count: int
    named_count: int
    missing_count: int
    report: str
    doubled_count: int = 0
    """Messages that are more often in the cloud than at the source."""

    @property
    def is_complete(self) -> bool:
        """Every source message is in the cloud or named with a reason."""
        return self.missing_count == 0


@dataclass(frozen=True)
class HomeRequest:
    """Bring home what the cloud received since then; with `until_utc` only what arrived up to that instant."""

    ref: MailboxRef
    since_utc: datetime
    until_utc: datetime | None = None


@dataclass(frozen=True)
class HomeFacts:
    """How many messages were moved in this go, and how many wait."""

    moved_count: int
    remaining_count: int


@dataclass(frozen=True)
class BatchRef:
    """How the batch's story and steps name it."""

    name: str
    etag: str = ""
    """Which upload a step is about, as it was judged; empty: whichever lies there."""
    goes_on: bool = False
    """Of the story: what is refused holds up nothing else of the look, and stories are woken some pages at a time. A
    generation begun by an older version stops at a refusal, and wakes everybody."""
    woken_to: str = ""
    """Of the story: the mailbox behind which stories are still to be woken; empty: nobody is, or everybody."""
    wakes: bool = False
    """Of the story: stories are still to be woken, from the first on if none was named."""


class UploadKind(StrEnum):
    """What was found where uploads are expected."""

    NONE = "none"
    INVALID = "invalid"
    NEW = "new"
    SAME = "same"
    CHANGED = "changed"


@dataclass(frozen=True)
class UploadVerdict:
    """The upload against the rules and against the ledger."""

    kind: UploadKind
    etag: str = ""
    """Which upload was judged; another one that lands meanwhile is judged on its own."""
    row_count: int = 0
    mistake_count: int = 0


@dataclass(frozen=True)
class Refusals:
    """A whole batch refused before its first write."""

    name: str
    etag: str
    code: str
    detail: str


@dataclass(frozen=True)
class KeyPage:
    """Keys of a batch's mailboxes; `following` continues, empty at the end."""

    keys: tuple[str, ...]
    following: str


@dataclass(frozen=True)
class KeyPageRequest:
    """The keys after `after`, at most `count_max`."""

    name: str
    after: str
    count_max: int


@dataclass(frozen=True)
class WakeRequest:
    """Ring these mailboxes' stories; start those that do not run."""

    batch: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class BatchProgress:
    """Where a batch stands."""

    exists: bool
    is_open: bool
    counts: dict[str, int]
    unfinished_count: int
    """Mailboxes that still have something to wait for."""
    young_count: int
    """Mailboxes that are not yet in their first sync."""
    age_s: float
    has_accepted_difference: bool
    is_held_up: bool = False
    """The last look was held up, and says so to whoever asks."""


@dataclass(frozen=True)
class HoldUp:
    """What holds a batch up now; empty: nothing any more."""

    name: str
    detail: str


@dataclass(frozen=True)
class WishRequest:
    """What an operator asks of mailboxes of a batch."""

    batch: str
    wish: Wish
    keys: tuple[str, ...]
    """Empty: every mailbox of the batch."""
    asked_by: str
    at_utc: datetime | None = None
    """Of a cutover: when. None: at once."""
    waived: tuple[str, ...] = ()


@dataclass(frozen=True)
class WishRefusal:
    """A mailbox that cannot be asked this now, and why."""

    address: str
    why: str


@dataclass(frozen=True)
class WishOutcome:
    """Who takes the wish and who does not."""

    granted_keys: tuple[str, ...]
    refused: tuple[WishRefusal, ...]


@dataclass(frozen=True)
class WishProgress:
    """A wish, and how far it has come; chunk by chunk each is listed, granted, and its doorbells rung."""

    request: WishRequest
    is_bounded: bool = True
    """Its generations end after some chunks. False for one that an older version began."""
    after: str = ""
    """Where the next chunk begins."""
    is_listed: bool = False
    """There is no next chunk."""
    page_count: int = 0
    keys: tuple[str, ...] = ()
    """Of the chunk at hand: still to be granted."""
    unrung_keys: tuple[str, ...] = ()
    """Granted, and not yet rung."""
    granted_count: int = 0
    refused_count: int = 0
    refused: tuple[WishRefusal, ...] = ()
    """The first of them."""
    try_count: int = 0
    """How often the step at hand came too early."""

    @property
    def is_over(self) -> bool:
        """Whether everybody was asked, and everybody who takes it was rung."""
        return self.is_listed and not self.keys and not self.unrung_keys
