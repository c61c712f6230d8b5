"""What a survey calls an offence, and how a source mailbox is opened."""

import pytest

from bascule.domain.codes import Offence
from bascule.domain.mail import Login, Offender, SourceFolder
from bascule.domain.plan import AliasMapPlan, CohortPlan, Plan, SourcePlan, SurveyPlan, TenantPlan
from bascule.domain.routes import AliasRow
from bascule.domain.source_login import source_login
from bascule.domain.survey import survey_of

LIMITS = SurveyPlan(message_size_max_bytes=1_000, message_count_max=10)


def folder(name: str, message_count: int = 1, separator: str = ".") -> SourceFolder:
    """A folder of a server that parts levels by a dot."""
    return SourceFolder(name, tuple(name.split(separator)), message_count, 100 * message_count)


def plan(master_user: str = "") -> Plan:
    """A plan of which only the source matters."""
    tenant = TenantPlan("t", ("example.org",), "contoso.onmicrosoft.com", "g@x", "e", "p@x")
    source = SourcePlan("imap.example.org", master_user=master_user)
    return Plan(tenant, source, AliasMapPlan("sqlite"), {"default": CohortPlan("SKU")})


def test_an_ordinary_mailbox_has_no_offence() -> None:
    """Every mailbox would wait for a waiver."""
    survey = survey_of([folder("INBOX", 9), folder("Sent"), folder("Work.2024", 0)], {}, LIMITS)

    assert survey.offenders == ()
    assert (survey.message_count, survey.size_bytes) == (10, 1_000)


def test_what_is_beyond_the_limit_of_messages_is_counted() -> None:
    """The oldest mail would be left behind, and nobody told."""
    survey = survey_of([folder("INBOX", 8), folder("Work", 5)], {}, LIMITS)

    assert survey.offenders == (Offender(Offence.TOO_MANY_MESSAGES, "", 3),)


def test_large_messages_are_named_by_folder() -> None:
    """The user would not know where to look for them."""
    survey = survey_of([folder("INBOX", 3), folder("Work", 3)], {"INBOX": 0, "Work": 2}, LIMITS)

    assert survey.offenders == (Offender(Offence.MESSAGE_TOO_LARGE, "Work", 2),)


def test_a_slash_in_a_level_is_an_offence_and_one_between_levels_is_none() -> None:
    """Every folder of a server with the separator `/` would be an offence, or none would."""
    fine = folder("Work/2024", separator="/")
    survey = survey_of([fine, folder("Work.in/out", 2), folder("a/b.c", 0)], {}, LIMITS)

    assert survey.offenders == (
        Offender(Offence.FOLDER_NAME_HAS_SLASH, "Work.in/out", 2),
        Offender(Offence.FOLDER_NAME_HAS_SLASH, "a/b.c", 0),
    )


def test_a_second_folder_for_one_role_is_named() -> None:
    """Users would find two Sent folders, and call."""
    survey = survey_of(
        [folder("Sent", 4), folder("Sent Items", 2), folder("sent messages")], {}, LIMITS
    )

    assert survey.offenders == (
        Offender(Offence.TWO_FOLDERS_FOR_ONE_ROLE, "Sent", 4),
        Offender(Offence.TWO_FOLDERS_FOR_ONE_ROLE, "sent messages", 1),
    )


def test_rows_that_lead_past_the_alias_are_one_offence_and_named() -> None:
    """Whoever has to mend them needs to know which they are."""
    rows = (AliasRow("a.nna@example.org", "anna@ca.example.org"), AliasRow("@x.org", "@ca.x.org"))
    survey = survey_of([folder("INBOX")], {}, LIMITS, rows)

    assert survey.offenders == (Offender(Offence.ALIAS_BYPASSED, "", 2),)
    assert survey.bypasses == rows


@pytest.mark.parametrize("user_name", ["anna", "anna*bascule"])
def test_a_master_user_is_named_once(user_name: str) -> None:
    """A login that changes its form between the first and the last sync doubles every message."""
    assert source_login(plan("bascule"), user_name, "x") == Login("anna*bascule", "x")


def test_without_a_master_user_the_name_is_the_user_s_own() -> None:
    """Nobody could log in."""
    assert source_login(plan(), "anna@example.org", "x") == Login("anna@example.org", "x")
