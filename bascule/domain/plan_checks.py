"""What is sensible for each key of a plan by itself: bounds of numbers, forms of texts."""

import ipaddress
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bascule.domain.addresses import address_problem
from bascule.domain.plan_cohorts import (
    address_patterns_problem,
    addresses_problem,
    instant_problem,
    language_problem,
    repeated_problem,
)
from bascule.domain.plan_dns import senders_problem, servers_problem
from bascule.domain.plan_mail_flow import FORMS as MAIL_FLOW_FORMS
from bascule.domain.plan_passwords import (
    encoding_problem,
    fields_problem,
    header_problem,
    separator_problem,
    suffix_problem,
    template_problem,
)
from bascule.domain.plan_shape import PlanMistake, Values
from bascule.domain.plan_submission import places_problem
from bascule.domain.plan_workstations import steps_problem as workstation_steps_problem

Problem = tuple[str, str] | None
"""What is wrong and what to do; None when nothing is."""


@dataclass(frozen=True)
class Bound:
    """The least and the greatest sensible number, and why."""

    least: int
    most: int
    why: str


_PORT = Bound(1, 65_535, "TCP ports end there")
_PATIENCE_H = Bound(1, 1_440, "Exchange stops an idle batch after 60 days")

BOUNDS = {
    "source.port": _PORT,
    "source.connect_timeout_s": Bound(1, 120, "a step must end long before the host's limit"),
    "source.read_timeout_s": Bound(1, 600, "a step must end long before the host's limit"),
    "alias_map.port": _PORT,
    "alias_map.timeout_s": Bound(1, 120, "a step must end long before the host's limit"),
    "submission.timeout_s": Bound(1, 120, "a step must end long before the host's limit"),
    "sync.rows_per_sync_batch_max": Bound(1, 50_000, "Exchange takes 50 000 rows in one CSV"),
    "sync.board_age_s": Bound(1, 3_600, "older snapshots hide what the sync does"),
    "sync.delta_gather_s": Bound(0, 3_600, "a cutover waits for it"),
    "sync.delta_age_alert_h": Bound(25, 168, "a delta runs every 24 h: sooner always alarms"),
    "sync.supplement_gather_s": Bound(0, 86_400, "late mailboxes wait for it"),
    "sync.keep_alive_days": Bound(1, 59, "Exchange stops an idle batch after 60 days"),
    "cutover.hold_s": Bound(0, 86_400, "memberships have been seen stale for four hours, never for a day"),
    "cutover.probe_count": Bound(1, 50, "one proves something, fifty prove no more"),
    "cutover.probe_interval_s": Bound(1, 3_600, "the user's mail waits for the last probe"),
    "cutover.probe_patience_s": Bound(1, 21_600, "a probe not seen in six hours is lost"),
    "cutover.alias_hold_s": Bound(0, 86_400, "a map that is compiled more rarely than daily needs probes"),
    "cutover.quiet_s": Bound(1, 604_800, "Postfix gives up queued mail after five days"),
    "cutover.sweep_count_max": Bound(1, 1_000, "each sweep is a sync and a look at every folder"),
    "cutover.grace_h": Bound(0, 1_440, "Exchange stops an idle batch after 60 days"),
    "patience.survey_h": _PATIENCE_H,
    "patience.provision_h": _PATIENCE_H,
    "patience.coexist_h": _PATIENCE_H,
    "patience.initial_sync_days": Bound(1, 180, "half a year for one mailbox is a standstill"),
    "patience.detach_h": _PATIENCE_H,
    "patience.redirect_h": _PATIENCE_H,
    "patience.final_sync_days": Bound(1, 59, "Exchange stops an idle batch after 60 days"),
    "patience.prove_h": _PATIENCE_H,
    "patience.rollback_h": _PATIENCE_H,
    "patience.gather_h": _PATIENCE_H,
    "patience.watchdog_h": Bound(25, 1_440, "a story looks at its row every 24 h: sooner always alarms"),
    "survey.message_size_max_bytes": Bound(1_024, 157_286_400, "Exchange Online takes 150 MB at most"),
    "cohorts.*.password_length_min": Bound(8, 256, "the directory takes no shorter and no longer ones"),
    "future_users.interval_h": Bound(0, 168, "a new pupil should not wait longer than a week"),
    "future_users.count_max": Bound(1, 1_000, "one run must end long before the next one begins"),
    "hand_out.keep_days": Bound(1, 365, "a password that nobody fetched in a year is nobody's"),
    "notices.password_ahead_h": Bound(0, 720, "a month ahead is forgotten"),
    "workstations.reminder_days": Bound(1, 90, "a user who is asked daily stops reading"),
    "workstations.reminder_count_max": Bound(0, 10, "after ten letters it takes a visit"),
    "dns.timeout_s": Bound(1, 20, "a look asks every server for every record"),
    "dns.ttl_s_max": Bound(60, 86_400, "shorter ones are ignored by resolvers, a day is what one wants to leave"),
    "dns.look_s": Bound(60, 3_600, "somebody waits at the other end of a change"),
    "dns.patience_h": Bound(1, 720, "a month without the records is a forgotten project"),
    "mail_flow.endpoint_port": Bound(0, 65_535, "TCP ports end there; 0 takes the source's"),
    "mail_flow.migrations_max": Bound(1, 300, "Exchange Online takes 300 for all endpoints at most"),
    "mail_flow.deltas_max": Bound(1, 300, "Exchange Online takes 300 for all endpoints at most"),
    "survey.message_count_max": Bound(1, 500_000, "an IMAP migration copies 500 000 messages at most"),
}  # fmt: skip

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})+")
HOST_LENGTH_MAX = 253  # RFC 1035 3.1: 255 octets on the wire, two of them not letters
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_TABLE = re.compile(rf"({_IDENTIFIER.pattern}\.)?{_IDENTIFIER.pattern}")
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
# The initial domains of the worldwide, US government and 21Vianet clouds.
_INITIAL_DOMAIN = re.compile(
    r"[A-Za-z0-9-]+(\.partner)?\.(onmicrosoft\.com|onmicrosoft\.us|onmschina\.cn)"
)
_COHORT_NAME = re.compile(r"[\w-]{1,40}")
# A user name holds these itself, so none of them can mark its end.
_SEPARATOR = re.compile(r"[^\w\s.@-]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_MANY_LINES = ("notices.migrated_text", "notices.password_text")


def check_values(values: Values) -> Iterator[PlanMistake]:
    """Yield the mistakes of each value by itself."""
    for key, value in values.items():
        problem = _value_problem(key, value)
        if problem:
            yield PlanMistake(key, *problem)


def _value_problem(key: str, value: object) -> Problem:
    if isinstance(value, str):
        problem = _text_problem(key, value)
        if problem or not value:  # empty: only optional texts come this far
            return problem
    pattern = _pattern_of(key)
    if isinstance(value, int) and pattern in BOUNDS:
        return _bound_problem(value, BOUNDS[pattern])
    check = _FORMS.get(pattern)
    return check(value) if check else None


def _pattern_of(key: str) -> str:
    parts = key.split(".")
    if parts[0] == "cohorts" and len(parts) > 2:
        return f"cohorts.*.{parts[-1]}"
    return key


def _bound_problem(value: int, bound: Bound) -> Problem:
    if bound.least <= value <= bound.most:
        return None
    return f"is {value}", f"Write {bound.least} to {bound.most}: {bound.why}"


def _text_problem(key: str, text: str) -> Problem:
    if key in _MANY_LINES:
        if _CONTROL_BUT_LINES.search(text):
            return "has control characters", "Remove them"
        return None
    if _CONTROL.search(text):
        return "has control characters or line breaks", "Remove them"
    if text != text.strip():
        return "has blanks around it", "Remove the blanks"
    return None


def _tenant_id(text: str) -> Problem:
    if _GUID.fullmatch(text) or _INITIAL_DOMAIN.fullmatch(text):
        return None
    return (
        "is neither a tenant id nor an initial domain",
        "Write the tenant's GUID; Entra admin centre, Overview, shows it",
    )


def _domain(text: str) -> Problem:
    if len(text) > HOST_LENGTH_MAX or not _DOMAIN.fullmatch(text):
        return f"is no mail domain: {text!r}", "Write a domain such as example.org"
    if text != text.lower():
        return f"is not in lower case: {text!r}", f"Write {text.lower()}"
    return None


def _domains(found: tuple[str, ...]) -> Problem:
    if not found:
        return "is an empty list", "Name the domains whose mailboxes move"
    for text in found:
        problem = _domain(text)
        if problem:
            return problem
    return _twice(found)


def _twice(found: tuple[str, ...]) -> Problem:
    repeated = sorted({text for text in found if found.count(text) > 1})
    return (f"names {', '.join(repeated)} twice", "Name each once") if repeated else None


def _address(text: str) -> Problem:
    problem = address_problem(text)
    return (f"{problem}: {text!r}", "Write a mail address") if problem else None


def _host(text: str) -> Problem:
    if _ip_of(text) or (len(text) <= HOST_LENGTH_MAX and _HOST.fullmatch(text)):
        return None
    # Not repeated: a URL pasted here may hold a password.
    return "is no host", "Write a host name or an IP address, without port, scheme or user"


def _ip_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _one_of(*known: str) -> Callable[[str], Problem]:
    def check(text: str) -> Problem:
        if text in known:
            return None
        return f"is {text!r}", f"Write one of: {', '.join(known)}"

    return check


def _identifier(text: str) -> Problem:
    if _IDENTIFIER.fullmatch(text):
        return None
    return f"is no plain column name: {text!r}", "Use letters, digits and _, at most 64"


def _table(text: str) -> Problem:
    if _TABLE.fullmatch(text):
        return None
    return f"is no plain table name: {text!r}", "Use letters, digits and _, or schema.table"


def _separator(text: str) -> Problem:
    if _SEPARATOR.fullmatch(text):
        return None
    return f"is {text!r}", "Write one character that no user name has, such as *"


def _usage_location(text: str) -> Problem:
    if text == "UK":
        return "is 'UK', which is no ISO 3166 code", "Write GB"
    if re.fullmatch(r"[A-Z]{2}", text):
        return None
    return f"is {text!r}", "Write the two capital letters of ISO 3166, such as FR"


def _services(found: tuple[str, ...]) -> Problem:
    if "*" in found and len(found) > 1:
        return "names * and single services", 'Write ["*"] for all, or only the names'
    return _twice(found)


def _cohort_names(found: tuple[str, ...]) -> Problem:
    for name in found:
        if not _COHORT_NAME.fullmatch(name):
            return f"has the name {name!r}", "Use letters, digits, _ and -, at most 40"
    if "default" not in found:
        return "has no default", "Add [cohorts.default]: it serves rows that name no cohort"
    return None


def _placeholders(form: str) -> set[str] | None:
    """Names between braces in `form`; None when braces do not pair or ask for more than the plain value."""
    try:
        parsed = list(string.Formatter().parse(form))
    except ValueError:
        return None
    if any(spec or conversion for _, _, spec, conversion in parsed):
        return None
    return {name for _, name, _, _ in parsed if name is not None}


def _home_form(form: str) -> Problem:
    names = _placeholders(form)
    if names is None or names - {"local", "domain"}:
        return "has braces other than {local} and {domain}", "Use only {local} and {domain}"
    if "local" not in names:
        return "lacks {local}, so every mailbox would share one home", "Use {local} before the @"
    problem = address_problem(form.format(local="anna.example", domain="example.org"))
    if problem:
        return f"makes no address: it {problem}", "Write a form such as {local}@{domain}"
    return None


def _notice(text: str) -> Problem:
    names = _placeholders(text)
    if names is None or names - {"address"}:
        return "has braces other than {address}", "Use only {address}; write {{ for a brace"
    return None


_FORMS: dict[str, Callable[..., Problem]] = {
    "tenant.tenant_id": _tenant_id,
    "tenant.domains": _domains,
    "tenant.routing_domain": _domain,
    "tenant.coexistence_group": _address,
    "tenant.probe_sender": _address,
    "tenant.report_mailbox": _address,
    "source.host": _host,
    "source.security": _one_of("ssl", "starttls", "none"),
    "source.user_name_form": _one_of("local", "address", "any"),
    "source.master_separator": _separator,
    "alias_map.driver": _one_of("mysql", "sqlite"),
    "alias_map.table": _table,
    "alias_map.source_column": _identifier,
    "alias_map.destination_column": _identifier,
    "alias_map.home_form": _home_form,
    "alias_map.host": _host,
    "cohorts": _cohort_names,
    "cohorts.*.replaces": repeated_problem,
    "cohorts.*.services_first": _services,
    "cohorts.*.services_after": _services,
    "cohorts.*.services_after_at_utc": instant_problem,
    "cohorts.*.language": language_problem,
    "cohorts.*.addresses": address_patterns_problem,
    "cohorts.*.units": repeated_problem,
    "accounts.never_touch": addresses_problem,
    "cohorts.*.usage_location": _usage_location,
    "submission.hosts": places_problem,
    "submission.security": _one_of("starttls", "none"),
    "survey.waived": _twice,
    "workstations.steps": workstation_steps_problem,
    "dns.resolvers": servers_problem,
    "dns.authorities": servers_problem,
    "dns.source_senders": senders_problem,
    "cohorts.*.password_suffix": suffix_problem,
    "hand_out.fields": fields_problem,
    "hand_out.template": template_problem,
    "hand_out.separator": separator_problem,
    "hand_out.header": header_problem,
    "hand_out.encoding": encoding_problem,
    **MAIL_FLOW_FORMS,
    "intake.language": language_problem,
    "notices.migrated_subject": _notice,
    "notices.migrated_text": _notice,
    "notices.password_subject": _notice,
    "notices.password_text": _notice,
}


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this machine: 127.0.0.0/8, ::1 or localhost."""
    found = _ip_of(host)
    return found.is_loopback if found else host.lower() == "localhost"
