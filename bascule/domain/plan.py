"""The operator's plan: what `plan.toml` says, as values. Reading and checking it is `plan_file`'s work.

Every wait ends in `_s` (seconds), `_h` (hours) or `_days`; every bound in `_max`.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from bascule.domain.addresses import local_part
from bascule.domain.codes import Offence
from bascule.domain.plan_dns import DnsPlan
from bascule.domain.plan_mail_flow import IntakePlan, MailFlowPlan
from bascule.domain.plan_submission import SubmissionPlan
from bascule.domain.plan_workstations import WorkstationsPlan


@dataclass(frozen=True)
class TenantPlan:
    """The Microsoft 365 side."""

    tenant_id: str
    domains: tuple[str, ...]
    """Accepted domains whose mailboxes move, lower case."""
    routing_domain: str
    """Where Postfix forwards a migrated user's mail, such as `contoso.onmicrosoft.com`; in no batch as an address."""
    coexistence_group: str
    """Address of the distribution group whose members' mail the rule sends back to Postfix."""
    migration_endpoint: str
    """Name of the IMAP migration endpoint in Exchange Online."""
    probe_sender: str
    """A mailbox inside the tenant that sends probes and notices; an address."""
    report_mailbox: str = ""
    """Where Bascule's alerts and Exchange's own batch reports are mailed; empty: alerts are in the log alone."""


@dataclass(frozen=True)
class SourcePlan:
    """Dovecot: how we read, and how user names look."""

    host: str
    port: int = 993
    security: str = "ssl"
    """`ssl` (IMAPS), `starttls`, or `none` for loopback tests only."""
    ca_file: str = ""
    """PEM file of a private certificate authority; empty: the public ones."""
    user_name_form: str = "any"
    """`local`, `address`, or `any`: what UserName must be for an address."""
    master_user: str = ""
    """Dovecot master user; when set, every login is `user*master` with the master's password."""
    master_separator: str = "*"
    connect_timeout_s: int = 20
    read_timeout_s: int = 120


@dataclass(frozen=True)
class AliasMapPlan:
    """The table behind Postfix `virtual_alias_maps`."""

    driver: str
    """`mysql` (MySQL and MariaDB) or `sqlite`."""
    table: str = "virtual"
    source_column: str = "source"
    destination_column: str = "destination"
    home_form: str = "{local}@{domain}"
    """The destination of a mailbox at home; `{local}` and `{domain}` stand for the address's parts."""
    host: str = ""
    port: int = 3306
    database: str = ""
    user: str = ""
    ca_file: str = ""
    path: str = ""
    """The file of an SQLite map."""
    timeout_s: int = 20

    def home_of(self, address: str) -> str:
        """The destination that stands in the map while the mailbox is at the source."""
        local, _, domain = address.partition("@")
        return self.home_form.format(local=local, domain=domain)


class LicenceMode(StrEnum):
    """What becomes of licences that an account has already."""

    KEEP = "keep"
    """One that opens a mailbox is enough: nothing is assigned."""
    ADD = "add"
    """The cohort's licence comes beside them."""
    REPLACE = "replace"
    """The cohort's licence takes the place of those that open a mailbox, in one change."""


class PasswordRule(StrEnum):
    """Where the password of an account comes from."""

    GIVEN = "given"
    """NewPassword of the batch CSV; a row without one gets a random one."""
    RANDOM = "random"
    PAD = "pad"
    """As given, short ones lengthened by the suffix. Predictable, so it is warned about."""
    KEEP = "keep"
    """An account that exists keeps its own; one that has to be created gets a random one."""


@dataclass(frozen=True)
class CohortPlan:
    """Which licence a group of mailboxes gets, which services when, and what its passwords are."""

    licence: str
    """Part number of the SKU, such as `STANDARDWOFFPACK_STUDENT`."""
    mode: LicenceMode = LicenceMode.ADD
    replaces: tuple[str, ...] = ()
    """Part numbers that `replace` takes away; empty: every directly assigned one that opens a mailbox."""
    services_first: tuple[str, ...] = ()
    """Service plans on before the cutover, beside the mailbox plan and what it depends on."""
    services_after: tuple[str, ...] = ("*",)
    """Service plans on after the migration; `*` means all of the SKU."""
    services_after_at_utc: str = ""
    """ISO 8601 instant before which they stay off, such as `2026-09-01T06:00:00Z`; empty: at MIGRATED."""
    usage_location: str = ""
    """ISO 3166 two letters, for rows that name none."""
    language: str = ""
    """Preferred language of accounts that are created, such as `fr-FR`; empty: the tenant's."""
    addresses: tuple[str, ...] = ()
    """Patterns such as `*@eleves.example.org` that choose this cohort for rows that name none."""
    units: tuple[str, ...] = ()
    """Patterns on the row's `Unit` (organisational unit), such as `Eleves/*`."""
    password: PasswordRule = PasswordRule.GIVEN
    password_suffix: str = "0"  # noqa: S105  a rule, not a secret
    """What `pad` repeats until the password is long enough."""
    password_length_min: int = 8
    has_password_complexity: bool = True
    """Whether the tenant asks for three of four classes of characters."""
    must_change_password: bool = False
    """Whether the user is asked for another one at the first sign-in."""


@dataclass(frozen=True)
class AccountPlan:
    """Where accounts come from."""

    create: bool = True
    """Create missing accounts; otherwise a missing account sets its mailbox aside."""
    never_touch: tuple[str, ...] = ()
    """Accounts that no row may name and nothing done to many ever changes, such as the administrator's."""


@dataclass(frozen=True)
class FutureUsersPlan:
    """What becomes of accounts that appear in a cohort later, without a mailbox to move."""

    interval_h: int = 0
    """How often they are looked for; 0: only when somebody asks."""
    count_max: int = 100
    """Newcomers licensed in one run; a wrong pattern then costs a hundred licences and not all of them."""


@dataclass(frozen=True)
class SyncPlan:
    """The Exchange migration batch and its cycles."""

    rows_per_sync_batch_max: int = 500
    """A CSV of more rows becomes tens of megabytes of JSON digits on the wire."""
    board_age_s: int = 300
    """A snapshot of a batch's users younger than this is shared; Exchange's own counters lag as much."""
    delta_gather_s: int = 60
    """Requests for a delta within this time become one."""
    delta_age_alert_h: int = 26
    """A delta runs every 24 h; later than this is worth a look."""
    supplement_gather_s: int = 900
    """How long late mailboxes are gathered before they get a sync batch of their own."""
    keep_alive_days: int = 40
    """Exchange stops an idle Synced batch after 60 days; a delta asked for within this time prevents it."""


@dataclass(frozen=True)
class CutoverPlan:
    """How sure we want to be at each turn of a redirect."""

    hold_s: int = 14_400
    """No redirect earlier after leaving the group: no probe meets every transport server, and Exchange Server keeps
    expanded groups for four hours. Exchange Online publishes no figure."""
    probe_count: int = 3
    """Probes that must arrive in a row: each meets another transport server's memory of the group."""
    probe_interval_s: int = 60
    probe_patience_s: int = 600
    """A probe not seen after this was relayed or lost; the next one is sent."""
    source_probe: bool = False
    """Whether the alias is believed turned, either way, only after a probe through each Postfix has arrived there."""
    alias_hold_s: int = 60
    """Without such probes: how long after the alias has turned home the group is left alone. Postfix asks an SQL map
    for every message and keeps no answer; a replica is seconds behind, a compiled map until the next compiling."""
    quiet_s: int = 8_100
    """The source must be without new mail this long: twice Postfix's maximal backoff of 4 000 s."""
    sweep_count_max: int = 20
    grace_h: int = 120
    """Postfix keeps trying queued mail for five days; until then the sync stays, and the sweep after it."""


@dataclass(frozen=True)
class PatiencePlan:
    """How long a mailbox may stay without reaching the next stage."""

    survey_h: int = 6
    provision_h: int = 24
    """Until its account has the licence, and then anew: support asks to be called when a mailbox is not there a day after its licence."""
    coexist_h: int = 6
    initial_sync_days: int = 21
    detach_h: int = 12
    """Group memberships have been seen stale for four hours."""
    redirect_h: int = 6
    final_sync_days: int = 7
    prove_h: int = 48
    rollback_h: int = 24
    gather_h: int = 26
    """The batch waits this long for slow mailboxes before it starts the sync with those that are ready."""
    watchdog_h: int = 26
    """A story looks at its row at least every 24 h; a row unmoved for longer has lost its story."""


@dataclass(frozen=True)
class SurveyPlan:
    """What the survey counts as an offence."""

    message_size_max_bytes: int = 35 * 1024 * 1024
    message_count_max: int = 500_000
    waived: tuple[Offence, ...] = ()
    """Offences that do not hold up the cutover of any mailbox."""


@dataclass(frozen=True)
class NoticePlan:
    """What users are told; `{address}` stands for theirs. An empty subject: nothing is sent."""

    migrated_subject: str = ""
    migrated_text: str = ""
    password_subject: str = ""
    """Of the mail that goes out before somebody's password is changed by a reset."""
    password_text: str = ""
    password_ahead_h: int = 0
    """How long before the change it is sent."""


@dataclass(frozen=True)
class HandOutPlan:
    """How new passwords reach people, and how long they are kept for it."""

    keep_days: int = 30
    """Days for which a new password stays sealed for export; then it is destroyed."""
    fields: tuple[str, ...] = ("USER_ID", "USER_PASSWORD", "DISPLAY_NAME", "COHORT", "UNIT")
    """Columns of an export without a template."""
    template: str = ""
    """A line such as `%USER_ID%;%USER_PASSWORD%`, written as it is around its fields; empty: the columns of `fields`."""
    separator: str = ";"
    """Between columns."""
    header: str = "*"
    """First line; `*`: the names of the fields, empty: none."""
    encoding: str = "utf-8-bom"
    """`utf-8`, `utf-8-bom` (Excel needs the mark), or `windows-1252`."""


@dataclass(frozen=True)
class Plan:
    """The whole plan."""

    tenant: TenantPlan
    source: SourcePlan
    alias_map: AliasMapPlan
    cohorts: dict[str, CohortPlan]
    """By name; `default` is there always and serves rows that name none."""
    accounts: AccountPlan = field(default_factory=AccountPlan)
    future_users: FutureUsersPlan = field(default_factory=FutureUsersPlan)
    sync: SyncPlan = field(default_factory=SyncPlan)
    cutover: CutoverPlan = field(default_factory=CutoverPlan)
    submission: SubmissionPlan = field(default_factory=SubmissionPlan)
    patience: PatiencePlan = field(default_factory=PatiencePlan)
    survey: SurveyPlan = field(default_factory=SurveyPlan)
    dns: DnsPlan = field(default_factory=DnsPlan)
    workstations: WorkstationsPlan = field(default_factory=WorkstationsPlan)
    notices: NoticePlan = field(default_factory=NoticePlan)
    mail_flow: MailFlowPlan = field(default_factory=MailFlowPlan)
    intake: IntakePlan = field(default_factory=IntakePlan)
    hand_out: HandOutPlan = field(default_factory=HandOutPlan)

    def routing_address(self, address: str) -> str:
        """The tenant address that Postfix forwards to once the mailbox is cut over."""
        return f"{local_part(address)}@{self.tenant.routing_domain}"

    def cohort(self, name: str) -> CohortPlan:
        """The cohort of a row; the default one when it names none."""
        return self.cohorts[name or "default"]
