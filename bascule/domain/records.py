"""The ledger's rows: the one truth about batches and mailboxes.

Instants are aware UTC. No secret stands in any of them. A row changes only through `dataclasses.replace` and the
ledger's compare-and-set.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bascule.domain.codes import Code
from bascule.domain.stages import CUT_OVER, Stage


class Wish(StrEnum):
    """What the operator asked of a mailbox and what its story has not yet done."""

    NONE = ""
    CUTOVER = "cutover"
    ROLLBACK = "rollback"
    RETRY = "retry"
    ABANDON = "abandon"
    SURVEY = "survey"


@dataclass(frozen=True)
class MailboxRecord:
    """Everything the story of one mailbox has to remember."""

    batch: str
    key: str
    address: str
    source_user: str
    has_new_password: bool = False
    """The upload gives the password of a new account; it is sealed beside the source's."""
    display_name: str = ""
    cohort: str = ""
    usage_location: str = ""
    unit: str = ""
    """Organisational unit or class of the row, such as `Eleves/3A`."""
    cutover_at_utc: datetime | None = None
    """When the operator wishes the cutover; None: not yet asked. An instant in the past means at once."""

    stage: Stage = Stage.REGISTERED
    stage_since_utc: datetime | None = None
    code: Code | None = None
    detail: str = ""
    resume_stage: Stage | None = None
    """Where a retry goes on; set while SET_ASIDE."""

    forbidden_since_utc: datetime | None = None
    """When a permission was first missed; granted roles take hours to be known everywhere."""

    wish: Wish = Wish.NONE
    wish_utc: datetime | None = None
    """When the wish was asked; without a wish, when the last one was taken back."""
    wish_by: str = ""
    abandon_began_utc: datetime | None = None
    """From here on its sync and its password may be gone: a wish to abandon is taken back no more."""
    waived: tuple[str, ...] = ()
    """Offences the operator accepted for this mailbox."""
    survey_asked_utc: datetime | None = None
    """When the operator last asked to survey the source again; done once `surveyed_utc` is not before it."""

    # Survey
    surveyed_utc: datetime | None = None
    """When the last survey began; None: never, or by a version that did not write it down."""
    source_message_count: int = 0
    source_size_bytes: int = 0
    offences: tuple[str, ...] = ()
    """`offence:count`, from the survey."""

    # Account
    account_id: str = ""
    licensed_utc: datetime | None = None
    """When the licence was seen given, with the mailbox on; the wait for the mailbox counts from here."""
    location_refused_utc: datetime | None = None
    """When licensing first refused its usage location; before `stage_since_utc`, that was another try."""
    provision_began_utc: datetime | None = None
    """From here on a cloud mailbox may open, and swallow what colleagues send until the group is in force."""
    joined_group_utc: datetime | None = None
    """When the group was first seen with the mailbox; the hold before the first sync counts from here."""
    route_home: str = ""
    """The alias map's destination before the cutover."""

    # Sync
    sync_batch: str = ""
    unlisted_since_utc: datetime | None = None
    """Since when Exchange does not list it in its sync batch, as far as its story has looked; None: it does, or did not yet."""
    synced_count: int = 0
    skipped_count: int = 0
    last_synced_utc: datetime | None = None

    # Cutover
    detach_began_utc: datetime | None = None
    """From here on only the rollback puts the mailbox back into the group."""
    left_group_utc: datetime | None = None
    """When the group was first seen without the mailbox; the hold before the redirect counts from here."""
    probe_token: str = ""
    probe_sent_utc: datetime | None = None
    probe_proven_count: int = 0
    """Probes in a row that took the way we want."""
    probe_strays: tuple[str, ...] = ()
    """Tokens of probes that went astray: looked for and removed at the end, so that no user meets one."""
    strays_cleared_count: int = 0
    """How many of the strays, from the first on, have been looked for since the last one was added."""
    redirected_utc: datetime | None = None
    route_mended_utc: datetime | None = None
    """When a retry last followed an alias that somebody had turned after the redirect."""
    rollback_began_utc: datetime | None = None
    """Set while the way back is being walked, also through a set aside; nothing but the rollback goes on then."""
    alias_home_utc: datetime | None = None
    """On the way back: when the alias stood at home, and with probes through Postfix was seen to be followed."""
    home_looked_utc: datetime | None = None
    """After a rollback: what the cloud received before this was looked through and is judged no more."""
    home_watched_until_utc: datetime | None = None
    """After a rollback: what the cloud receives later than this cannot have been sent to it; it is a copy of the sync."""
    delta_asked_utc: datetime | None = None
    marks: str = ""
    """Digest of every folder's UIDVALIDITY and UIDNEXT when the source was last seen."""
    marks_since_utc: datetime | None = None
    sweep_count: int = 0

    # Proof
    certificate: str = ""
    """The certificate's summary as JSON; the whole stands in the reports container."""
    doubled_count: int = 0
    """Messages that the certificate found more often in the cloud than at the source."""
    proven_marks: str = ""
    """The marks the certificate was made over; the same at the end of the grace, nothing has to be proven again."""
    migrated_utc: datetime | None = None
    closed_utc: datetime | None = None
    """The last sweep is done and the password destroyed: nothing more happens to this mailbox."""
    version: int = 0
    """Counts the story's writes, so that a step that runs late cannot undo what came after it."""
    seen_utc: datetime | None = None
    """When its story last looked at this row; the watchdog wakes the story of a row that nobody looks at."""

    @property
    def proven_stage(self) -> Stage:
        """The stage that was proven last, also while set aside."""
        return self.resume_stage or self.stage

    @property
    def is_licensed(self) -> bool:
        """Whether it has the licence of its cohort, with only the mailbox on or more."""
        return self.licensed_utc is not None

    @property
    def has_begun_cutover(self) -> bool:
        """Whether anything of the mail flow was touched, so that leaving needs the rollback."""
        return self.proven_stage in CUT_OVER or self.detach_began_utc is not None

    @property
    def is_on_its_way_back(self) -> bool:
        """Whether the way back is being walked; one that was set aside on it waits for a person."""
        return self.rollback_began_utc is not None and self.stage is not Stage.SET_ASIDE

    @property
    def grace_began_utc(self) -> datetime | None:
        """From when on Postfix can hold nothing new back for the source; None before the redirect."""
        if self.redirected_utc is None or self.route_mended_utc is None:
            return self.redirected_utc
        return max(self.redirected_utc, self.route_mended_utc)

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to this mailbox."""
        is_closed = self.closed_utc is not None and self.wish is Wish.NONE
        return is_closed or self.stage is Stage.ABANDONED


# Whose word counts for a field when two write at once; all other fields belong to the mailbox's own story.
OPERATOR_FIELDS = (
    "cutover_at_utc",
    "wish",
    "wish_utc",
    "wish_by",
    "abandon_began_utc",
    "waived",
    "survey_asked_utc",
)
BATCH_FIELDS = (
    "sync_batch",
    "source_user",
    "has_new_password",
    "display_name",
    "cohort",
    "usage_location",
    "unit",
)
# Written by a step beside the story, which learns of it at its next look only.
STEP_FIELDS = ("location_refused_utc", "unlisted_since_utc")


@dataclass(frozen=True)
class BatchRecord:
    """One uploaded CSV."""

    name: str
    fingerprint: str
    """Keyed digest of the whole upload, so that the same file is known again."""
    row_count: int
    uploaded_utc: datetime
    uploaded_by: str = ""
    is_open: bool = False
    """All rows are registered and their secrets sealed: mailbox stories may start."""
    closed_utc: datetime | None = None
    pending_fingerprint: str = ""
    """A changed upload that waits for the operator's word; its difference stands in the reports container."""
    late_told_utc: datetime | None = None
    """When the operator was last told that the sync is late."""
    doubled_told_utc: datetime | None = None
    """When the operator was last told that mailboxes hold messages twice; and of how many, below."""
    doubled_told_count: int = 0
    accepted_fingerprint: str = ""
    """The changed upload that the operator accepted and the batch's story has not yet applied."""
    accepted_by: str = ""
    """Who accepted a changed upload last."""


@dataclass(frozen=True)
class StandingHoldUp:
    """What holds a batch up, for whoever asks; a document beside its row, because the row may not be there yet."""

    detail: str
    since_utc: datetime
    told_utc: datetime | None = None
    """When the operator was last told."""


HOLD_UP_PREFIX = "hold-up-"


def hold_up_document(batch: str) -> str:
    """The name of the document about what holds a batch up."""
    return f"{HOLD_UP_PREFIX}{batch}"


@dataclass(frozen=True)
class StandingRefusal:
    """That the last upload of a batch was refused, until a good one is taken in; the report says all of why."""

    code: str
    detail: str
    refused_utc: datetime


REFUSAL_PREFIX = "refused-"


def refusal_document(batch: str) -> str:
    """The name of the document about the refused upload of a batch."""
    return f"{REFUSAL_PREFIX}{batch}"


@dataclass(frozen=True)
class JournalEntry:
    """One effect on the world: who asked, what was before, what is after."""

    at_utc: datetime
    batch: str
    key: str
    effect: str
    before: str
    after: str
    asked_by: str = ""


@dataclass(frozen=True)
class BoardHead:
    """What a board knows of itself; the entries stand beside it."""

    name: str
    refreshed_utc: datetime | None = None
    lease_holder: str = ""
    """Who refreshes it now, or asks Exchange on everybody's behalf."""
    lease_until_utc: datetime | None = None
    sent_for: str = ""
    """Of a sync board: the batch for which its migration batch was about to be sent to Exchange. Without this mark,
    one that Exchange has under that name is somebody else's."""
    created_utc: datetime | None = None
    """Of a sync board: when its migration batch was first seen running in Exchange."""
    restarted_utc: datetime | None = None
    """When its migration batch was last started again after a failure."""
    delta_first_asked_utc: datetime | None = None
    """The oldest request for a delta that is not yet served."""
    delta_issued_utc: datetime | None = None
    """When the last delta was asked of Exchange."""
    delta_slot: int = 0
    """Which of two boards says whose delta ran at that instant."""


@dataclass(frozen=True)
class MailboxRef:
    """How stories and steps name a mailbox to each other."""

    batch: str
    key: str

    @property
    def instance_id(self) -> str:
        """The id of its story, in the portal and in logs."""
        return f"{self.batch}.{self.key}"


# The event that wakes a story. It carries nothing: the story reads its row. One spelling, for the SDK minds the case.
DOORBELL = "doorbell"


def batch_instance_id(batch: str) -> str:
    """The id of a batch's story."""
    return f"batch-{batch}"
