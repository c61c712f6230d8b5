"""What a story may ask for. A step is an activity as a story sees it: its name, what it takes, what it answers.

A step that cannot be done yet raises Deferred: the story pauses and lives the chapter again from its row. So waits of
any length leave the same short history, and an outage is one more wait. The engine's own retries are not used: they
consume hidden ids that a replay can trip over.
"""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar, cast

from bascule.domain import completion as c
from bascule.domain import password_requests as p
from bascule.domain import requests as r
from bascule.domain import tenant_records as t
from bascule.domain.codec import Json, decode, encode
from bascule.domain.codes import Code
from bascule.domain.directory_objects import records as d
from bascule.domain.licence_requests import (
    LicenceChunk,
    LicenceOutcome,
    LicenceProgress,
    LicenceRun,
    LicenceWork,
)
from bascule.domain.records import DOORBELL, MailboxRecord, MailboxRef
from bascule.domain.replies import Done, Later, Refused

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")
Story = Generator[Any, Any, T]

# A step that broke by itself is not asked again sooner: whatever broke it needs time, or a person.
BROKEN_WAIT_S = 300.0
# The engine splits timers beyond six days; every story looks at its row at least daily anyway.
PAUSE_MAX_S = 24 * 3600.0
PAUSE_MIN_S = 1.0


class Context(Protocol):
    """The few verbs of the orchestration context that stories use."""

    @property
    def current_utc_datetime(self) -> datetime: ...
    @property
    def instance_id(self) -> str: ...
    def get_input(self) -> Any: ...
    def call_activity(self, name: str, input_: Json) -> Any: ...
    def create_timer(self, fire_at: datetime) -> Any: ...
    def wait_for_external_event(self, name: str) -> Any: ...
    def task_any(self, tasks: list[Any]) -> Any: ...
    def continue_as_new(self, input_: Json) -> None: ...
    def set_custom_status(self, status: Json) -> None: ...
    def new_uuid(self) -> str: ...


class Deferred(Exception):
    """Too early; look again after `wait_s` seconds."""

    def __init__(self, step: str, reply: Later, *, is_broken: bool = False) -> None:
        super().__init__(f"{step}: {reply.why}")
        self.wait_s = reply.wait_s
        self.why = reply.why
        self.is_unanswered = reply.is_unanswered
        self.is_broken = is_broken


class StepRefused(Exception):
    """Only a person can put this right."""

    def __init__(self, step: str, code: Code, detail: str) -> None:
        super().__init__(f"{step}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Step(Generic[In, Out]):
    """One activity; calling it with `yield from` gives its typed answer."""

    name: str
    takes: type[In]
    answers: type[Out]

    def __call__(self, context: Context, request: In) -> Story[Out]:
        """Ask for the step once.

        Raises:
            Deferred: it answered Later, or broke.
            StepRefused: it answered Refused.
        """
        call = context.call_activity(self.name, encode(request))
        try:
            raw = yield call
        except Exception as failure:  # the engine hands over a bare Exception; the type is gone
            broke = Later(BROKEN_WAIT_S, str(failure))
            raise Deferred(self.name, broke, is_broken=True) from failure
        reply: Any = decode(Done[self.answers] | Later | Refused, raw)  # type: ignore[arg-type, name-defined]
        match reply:
            case Done():
                return cast("Out", reply.value)
            case Later():
                raise Deferred(self.name, reply)
            case Refused(code, detail):
                raise StepRefused(self.name, code, detail)
        raise TypeError(f"{self.name} answered {type(reply).__name__}")


def pause(context: Context, wait_s: float) -> Story[None]:
    """Wait for the doorbell or for `wait_s` seconds, whichever is first. Once per generation."""
    bounded_s = min(max(wait_s, PAUSE_MIN_S), PAUSE_MAX_S)
    bell = context.wait_for_external_event(DOORBELL)
    tick = context.create_timer(context.current_utc_datetime + timedelta(seconds=bounded_s))
    first = yield context.task_any([bell, tick])
    if first == bell:
        tick.cancel()  # an open timer would hold the next generation back


read_mailbox = Step("read_mailbox", MailboxRef, r.MailboxView)
record_progress = Step("record_progress", r.Progress, MailboxRecord)
survey_source = Step("survey_source", MailboxRef, r.SurveyFacts)
check_route = Step("check_route", r.RouteExpectation, r.RouteFacts)
find_bypasses = Step("find_bypasses", MailboxRef, r.BypassFacts)
ensure_account = Step("ensure_account", MailboxRef, r.AccountFacts)
ensure_licence = Step("ensure_licence", r.LicenceRequest, bool)
find_cloud_mailbox = Step("find_cloud_mailbox", r.CloudMailboxQuestion, bool)
join_coexistence = Step("join_coexistence", MailboxRef, bool)
leave_coexistence = Step("leave_coexistence", MailboxRef, bool)
see_membership = Step("see_membership", r.MembershipQuestion, bool)
find_membership = Step("find_membership", MailboxRef, bool)
see_sync = Step("see_sync", MailboxRef, r.SyncFacts)
request_delta = Step("request_delta", r.DeltaRequest, r.DeltaFacts)
restart_sync = Step("restart_sync", MailboxRef, bool)
leave_sync = Step("leave_sync", MailboxRef, bool)
send_probe = Step("send_probe", r.Probe, bool)
look_for_probe = Step("look_for_probe", r.Probe, r.ProbeFacts)
remove_strays = Step("remove_strays", r.Strays, bool)
switch_route = Step("switch_route", r.SwitchRequest, r.RouteFacts)
read_marks = Step("read_marks", MailboxRef, r.MarkFacts)
certify = Step("certify", r.CertificateRequest, r.CertificateFacts)
tell_user = Step("tell_user", MailboxRef, bool)
bring_home = Step("bring_home", r.HomeRequest, r.HomeFacts)
destroy_secret = Step("destroy_secret", MailboxRef, bool)

validate_upload = Step("validate_upload", r.BatchRef, r.UploadVerdict)
find_licence_changes = Step("find_licence_changes", LicenceRun, LicenceWork)
license_accounts = Step("license_accounts", LicenceChunk, LicenceOutcome)
close_licence_run = Step("close_licence_run", LicenceProgress, bool)

check_domains = Step("check_domains", r.BatchRef, int)
reserve_seats = Step("reserve_seats", r.BatchRef, int)
register_batch = Step("register_batch", r.BatchRef, int)
withdraw_upload = Step("withdraw_upload", r.BatchRef, bool)
refuse_upload = Step("refuse_upload", r.Refusals, bool)
file_difference = Step("file_difference", r.BatchRef, int)
apply_difference = Step("apply_difference", r.BatchRef, int)
list_keys = Step("list_keys", r.KeyPageRequest, r.KeyPage)
wake_stories = Step("wake_stories", r.WakeRequest, int)
build_sync_batches = Step("build_sync_batches", r.BatchRef, int)
serve_deltas = Step("serve_deltas", r.BatchRef, bool)
report_late_sync = Step("report_late_sync", r.BatchRef, int)
report_hold_up = Step("report_hold_up", r.HoldUp, bool)
read_progress = Step("read_progress", r.BatchRef, r.BatchProgress)
close_batch = Step("close_batch", r.BatchRef, bool)
grant_wish = Step("grant_wish", r.WishRequest, r.WishOutcome)

list_parts = Step("list_parts", t.PreparationRef, t.PartList)
prepare_part = Step("prepare_part", t.PartRef, t.PartFacts)
restore_members = Step("restore_members", t.MemberPage, t.MembersRestored)
record_preparation = Step("record_preparation", t.PreparationProgress, bool)
see_tenant = Step("see_tenant", t.TenantQuestion, t.TenantFacts)

list_accounts = Step("list_accounts", p.AccountPageRequest, p.AccountPage)
tell_of_reset = Step("tell_of_reset", p.ResetChunk, p.ToldFacts)
reset_passwords = Step("reset_passwords", p.ResetChunk, p.ResetOutcome)

read_directory = Step("read_directory", d.DirectoryRef, d.Standing)
compare_directory = Step("compare_directory", d.DirectoryRef, d.Standing)
apply_directory = Step("apply_directory", d.ChunkRequest, d.ChunkFacts)

read_completion = Step("read_completion", c.CompletionRef, c.CompletionView)
watch_dns = Step("watch_dns", c.CompletionRef, c.DnsFacts)
turn_authoritative = Step("turn_authoritative", c.CompletionRef, bool)
remove_routing = Step("remove_routing", c.CompletionRef, bool)
remove_endpoint = Step("remove_endpoint", c.CompletionRef, bool)
destroy_keys = Step("destroy_keys", c.CompletionRef, int)
file_completion = Step("file_completion", c.CompletionRef, bool)

STEPS: tuple[Step[Any, Any], ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Step)
)
