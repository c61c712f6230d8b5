"""The plan file: read whole, refused whole, every mistake at once."""

import dataclasses
import re
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from bascule.domain.codes import Offence
from bascule.domain.plan import Plan
from bascule.domain.plan_checks import BOUNDS
from bascule.domain.plan_file import PlanInvalid, read_plan

GOOD = """
[tenant]
tenant_id = "11111111-2222-3333-4444-555555555555"
domains = ["example.org"]
routing_domain = "contoso.onmicrosoft.com"
coexistence_group = "not.moved@contoso.onmicrosoft.com"
migration_endpoint = "dovecot"
probe_sender = "probe@contoso.onmicrosoft.com"

[source]
host = "imap.example.org"

[alias_map]
driver = "mysql"
host = "db.example.org"
database = "mail"
user = "bascule"

[cohorts.default]
licence = "STANDARDWOFFPACK_STUDENT"
"""

MANY_MISTAKES = r"""
colour = "blue"

[tenant]
tenant_id = "contoso.com"
domains = ["example.org", "contoso.onmicrosoft.com"]
routing_domain = "contoso.onmicrosoft.com"
coexistence_group = "not an address"
migration_endpoint = ""
probe_sender = 7
report_mailbox = "reports"

[source]
host = "imap.example.org"
port = "993"
security = "none"
user_name_form = "upn"
master_user = "boss*"
conect_timeout_s = 5
read_timeout_s = 100000
password = "sesame"

[alias_map]
driver = "mysql"
table = "mail.virtual; DROP TABLE x"
source_column = "sou rce"
home_form = "{locale}@{domain}"
host = ""
database = ""
user = " "
timeout_s = true

[cohorts.pilot]
services_after = ["*", "EXCHANGE_S_STANDARD"]
usage_location = "UK"

[accounts]
create = "yes"

[sync]
delta_age_alert_h = 24
keep_alive_days = 60
board_age_s = 1.5

[cutover]
probe_count = 0
probe_interval_s = 900
probe_patience_s = 600

[patience]
survey_h = -1

[survey]
waived = ["message_too_big", 3]
message_count_max = 600000

[notices]
migrated_subject = "Hello {name}"
migrated_text = "Dear {address!r}"
"""

MISTAKEN_KEYS = {
    "colour", "tenant.tenant_id", "tenant.routing_domain", "tenant.coexistence_group",
    "tenant.migration_endpoint", "tenant.probe_sender", "tenant.report_mailbox", "source.port",
    "source.security", "source.user_name_form", "source.master_user", "source.conect_timeout_s",
    "source.read_timeout_s", "source.password", "alias_map.table", "alias_map.source_column",
    "alias_map.home_form", "alias_map.host", "alias_map.database", "alias_map.user",
    "alias_map.timeout_s", "cohorts", "cohorts.pilot.licence", "cohorts.pilot.services_after",
    "cohorts.pilot.usage_location", "accounts.create", "sync.delta_age_alert_h",
    "sync.keep_alive_days", "sync.board_age_s", "cutover.probe_count", "cutover.probe_patience_s",
    "patience.survey_h", "survey.waived[0]", "survey.waived[1]", "survey.message_count_max",
    "notices.migrated_subject", "notices.migrated_text",
}  # fmt: skip

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "plan.md"


def mistakes_of(text: str) -> dict[str, str]:
    """What `read_plan` complains about, by key."""
    with pytest.raises(PlanInvalid) as caught:
        read_plan(text)
    return {mistake.key: f"{mistake.what}. {mistake.todo}" for mistake in caught.value.mistakes}


def changed(key: str, value: str) -> str:
    """The good plan with one key (`section.name`) set to a TOML value, replaced or added."""
    section, _, name = key.rpartition(".")
    body = re.sub(
        rf"(?m)(?<=\[{re.escape(section)}\]\n)((?:[^\[].*\n)*?){name} = .*\n", r"\1", GOOD
    )
    header = f"[{section}]\n"
    if header not in body:
        return f"{body}\n{header}{name} = {value}\n"
    return body.replace(header, f"{header}{name} = {value}\n")


def test_a_plan_of_the_required_keys_alone_takes_every_default() -> None:
    """An operator who writes ten lines must get the tested numbers, not zeros."""
    plan = read_plan(GOOD)

    assert plan.tenant.domains == ("example.org",)
    assert plan.cohort("").licence == "STANDARDWOFFPACK_STUDENT"
    assert plan.cutover == type(plan.cutover)()
    assert plan.sync == type(plan.sync)()


def test_what_the_plan_says_arrives_as_values_of_the_right_type() -> None:
    """A waived offence that stays a string would waive nothing."""
    plan = read_plan(changed("survey.waived", '["message_too_large"]'))

    assert plan.survey.waived == (Offence.MESSAGE_TOO_LARGE,)


def test_a_plan_with_many_different_mistakes_reports_them_all_at_once() -> None:
    """One mistake per attempt would make a bad evening out of thirty-seven typing slips."""
    found = mistakes_of(MANY_MISTAKES)

    assert set(found) == MISTAKEN_KEYS
    assert len(found) >= 25


def test_a_secret_written_into_the_plan_is_refused_and_not_repeated() -> None:
    """Error texts travel to logs and tickets."""
    with pytest.raises(PlanInvalid) as caught:
        read_plan(MANY_MISTAKES)

    assert "sesame" not in str(caught.value)
    assert "secrets" in mistakes_of(MANY_MISTAKES)["source.password"]


def test_a_syntax_error_names_line_and_column() -> None:
    """Without a position, the operator would hunt for a missing quote."""
    found = mistakes_of('[tenant]\ntenant_id = "x\n')

    assert list(found) == ["line 2, column 15"]


def test_a_plan_that_is_empty_names_every_missing_section() -> None:
    """The first run of a newcomer often has an empty file."""
    assert set(mistakes_of("")) == {"tenant", "source", "alias_map", "cohorts"}


def test_a_byte_order_mark_before_the_plan_is_no_mistake() -> None:
    """Windows editors write one, invisible to whoever would have to find it."""
    assert read_plan("\ufeff" + GOOD) == read_plan(GOOD)


@pytest.mark.parametrize("text", ["x = " + "[" * 50_000, "#" * 100_001])
def test_a_file_that_is_no_plan_is_refused_without_reading_it_to_the_end(text: str) -> None:
    """A wrong file must not exhaust the reader."""
    assert set(mistakes_of(text)) == {"plan"}


def test_a_misspelt_key_is_answered_with_the_known_one() -> None:
    """A key nobody reads would silently leave its default in force."""
    found = mistakes_of(GOOD.replace("migration_endpoint", "migration_endpoit"))

    assert "Did you mean migration_endpoint?" in found["tenant.migration_endpoit"]
    assert "is missing" in found["tenant.migration_endpoint"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("source.port", "true"),
        ("source.port", "993.0"),
        ("accounts.create", "1"),
        ("tenant.domains", '"example.org"'),
        ("cohorts.default.services_after", '["A", "A"]'),
        ("tenant.domains", "[]"),
        ("tenant.domains", '["Example.org"]'),
        ("tenant.domains", '["example.org", "example.org"]'),
        ("tenant.routing_domain", '"contoso"'),
        ("source.host", '"imaps://imap.example.org"'),
        ("source.host", '" imap.example.org"'),
        ("source.host", '"imap\\u0007.example.org"'),
        ("alias_map.table", '"a.b.c"'),
        ("alias_map.table", '"a`b"'),
        ("alias_map.table", '"1virtual"'),
        ("alias_map.driver", '"postgres"'),
        ("alias_map.destination_column", '"source"'),
        ("alias_map.home_form", '"{local"'),
        ("alias_map.home_form", '"{local.__class__}@{domain}"'),
        ("alias_map.home_form", '"{local!r}@{domain}"'),
        ("alias_map.home_form", '"{}@{domain}"'),
        ("alias_map.home_form", '"everybody@{domain}"'),
        ("alias_map.home_form", '"{local}"'),
        ("alias_map.home_form", '"{local}@contoso.onmicrosoft.com"'),
        ("cohorts.default.usage_location", '"fr"'),
        ("cohorts.default.licence", '""'),
        ("notices.migrated_text", '"{"'),
        ("notices.migrated_subject", '"Two\\nlines"'),
        ("cutover.probe_count", "-3"),
        ("cutover.quiet_s", "10000000"),
    ],
)
def test_a_value_that_would_do_harm_is_refused_under_its_key(key: str, value: str) -> None:
    """Each of these passed once would be found in the middle of a night of cutovers."""
    assert set(mistakes_of(changed(key, value))) == {key}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("alias_map.table", '"mail.auforg_virtual"'),
        ("alias_map.home_form", '"{local}@ca.{domain}"'),
        ("alias_map.home_form", '"{local}@ca.example.org"'),
        ("tenant.tenant_id", '"contoso.onmicrosoft.com"'),
        ("source.host", '"2001:db8::25"'),
        ("cohorts.default.usage_location", '"GB"'),
        ("cohorts.default.services_after", "[]"),
        ("notices.migrated_text", '"Dear {address},\\nyour mail has moved. {{ }}"'),
        ("cutover.grace_h", "0"),
    ],
)
def test_a_value_that_is_unusual_but_sound_is_taken(key: str, value: str) -> None:
    """A check too many would stop a migration that is in order."""
    assert read_plan(changed(key, value))


# At their least, these are too short for the defaults of the keys they must agree with.
TOO_SHORT_FOR_OTHERS = {
    "cutover.probe_patience_s",
    "mail_flow.migrations_max",
    "patience.detach_h",
}


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_each_bounded_number_is_taken_at_its_bounds_and_refused_beyond(name: str) -> None:
    """A bound off by one refuses the operator's number or lets the harmful one through."""
    bound = BOUNDS[name]
    soundest = bound.most if name in TOO_SHORT_FOR_OTHERS else bound.least
    name = name.replace(".*.", ".default.")

    assert name in mistakes_of(changed(name, str(bound.least - 1)))
    assert name in mistakes_of(changed(name, str(bound.most + 1)))
    assert read_plan(changed(name, str(soundest)))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_a_source_without_encryption_is_taken_on_loopback(host: str) -> None:
    """The sandbox needs it."""
    text = GOOD.replace('host = "imap.example.org"', f'host = "{host}"\nsecurity = "none"')

    assert read_plan(text).source.security == "none"


@pytest.mark.parametrize("host", ["localhost.example.org", "10.0.0.1", "0.0.0.0", "imap"])
def test_a_source_without_encryption_is_refused_anywhere_else(host: str) -> None:
    """Passwords of a whole organisation would cross a network in clear."""
    text = GOOD.replace('host = "imap.example.org"', f'host = "{host}"\nsecurity = "none"')

    assert set(mistakes_of(text)) == {"source.security"}


def test_each_driver_asks_for_what_it_needs() -> None:
    """A map that cannot be opened would be found only at the first cutover."""
    mysql = re.sub(r"(?m)^(host = \"db|database|user).*\n", "", GOOD)
    sqlite = mysql.replace('"mysql"', '"sqlite"')

    assert set(mistakes_of(mysql)) == {"alias_map.host", "alias_map.database", "alias_map.user"}
    assert set(mistakes_of(sqlite)) == {"alias_map.path"}


def test_waits_that_contradict_each_other_are_refused() -> None:
    """A probe given up before the next one is due could never arrive three times in a row."""
    slow = GOOD + "[cutover]\nprobe_interval_s = 700\n[sync]\nsupplement_gather_s = 86400\n"
    slow += "[patience]\ngather_h = 5\ndetach_h = 1\nrollback_h = 1\n[notices]\nmigrated_subject = 'Moved'\n"

    assert set(mistakes_of(slow.replace("= 700\n", "= 700\nprobe_count = 9\n"))) == {
        "cutover.probe_patience_s",
        "patience.gather_h",
        "patience.detach_h",
        "patience.rollback_h",
        "notices.migrated_text",
    }


def plan_fields(kind: type = Plan, key: str = "") -> dict[str, dataclasses.Field[Any]]:
    """Every key a plan can have, with its field; `NAME` stands for a cohort's name."""
    found: dict[str, dataclasses.Field[Any]] = {}
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        hint, place = hints[field.name], f"{key}.{field.name}".lstrip(".")
        if dataclasses.is_dataclass(hint):
            assert isinstance(hint, type)
            found |= plan_fields(hint, place)
        elif get_origin(hint) is dict:
            found |= plan_fields(get_args(hint)[1], f"{place}.NAME")
        else:
            found[place] = field
    return found


def toml_of(value: object) -> str:
    """A default as the plan would write it."""
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return "[" + ", ".join(f'"{item}"' for item in value) + "]"
        case str():
            return f'"{value}"'
        case _ if value is dataclasses.MISSING:
            return "required"
        case _:
            return str(value)


def test_the_reference_names_every_key_with_its_default_and_bounds() -> None:
    """A key or number the documentation has wrong sends an operator into the dark."""
    rows = re.findall(
        r"(?m)^\| `([^`]+)` \| (.*?) \| (.*?) \| .+ \|$", REFERENCE.read_text("utf-8")
    )
    documented = {key: (default.strip("`"), bounds) for key, default, bounds in rows}
    expected = {}
    for key, field in plan_fields().items():
        bound = BOUNDS.get(key.replace(".NAME.", ".*."))
        limits = f"{bound.least} to {bound.most}" if bound else "-"
        expected[key] = (toml_of(field.default), limits)

    assert documented == expected


def test_the_example_in_the_reference_is_a_plan() -> None:
    """It is what every newcomer copies first."""
    example = re.findall(r"(?s)```toml\n(.*?)```", REFERENCE.read_text("utf-8"))

    # Beside the required keys the one without which nobody reads an alert.
    read = changed("tenant.report_mailbox", '"rapport-migration@contoso.onmicrosoft.com"')

    assert [read_plan(text) for text in example] == [read_plan(read)]
