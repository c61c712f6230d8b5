"""The Exchange port over the gateway: what is asked, what is believed, what is never done."""

import contextlib
from datetime import UTC, datetime

import httpx
import pytest

from bascule.adapters.exchange_online.encoding import instant_utc
from bascule.domain.codes import Code
from bascule.domain.errors import Conflict, NotYet, Refusal, Unreachable
from bascule.domain.sync import SyncState
from tests.adapters.exchange_desk import ANN, GROUP, GROUP_ROW, USER, Desk, not_found, refusal, rows

MAILBOX = {
    "PrimarySmtpAddress": "Ann@contoso.com",
    "EmailAddresses": [
        "SMTP:Ann@contoso.com",
        "smtp:ann@contoso.onmicrosoft.com",
        "SIP:ann@contoso.com",
    ],
    "RecipientTypeDetails": "UserMailbox",
}


def test_a_mailbox_is_found_with_all_its_smtp_addresses() -> None:
    """The primary address is compared with the source's; SIP is no mail address."""
    desk = Desk(rows(MAILBOX))

    found = desk.exchange.find_mailbox("ANN@contoso.com ")

    assert found is not None
    assert found.address == ANN
    assert found.addresses == (ANN, "ann@contoso.onmicrosoft.com")
    assert found.recipient_type == "UserMailbox"
    assert desk.parameters(0) == {"Identity": ANN}


def test_an_answer_about_somebody_else_is_no_mailbox() -> None:
    """A Get- cmdlet whose identity does not exist may list everybody."""
    bob = MAILBOX | {"PrimarySmtpAddress": "bob@contoso.com", "EmailAddresses": []}
    desk = Desk(rows(bob), not_found(), rows())

    assert desk.exchange.find_mailbox(ANN) is None
    assert desk.exchange.find_mailbox(ANN) is None
    assert desk.exchange.find_mailbox(ANN) is None


@pytest.mark.parametrize(
    "method",
    [
        "find_mailbox",
        "join_coexistence",
        "leave_coexistence",
        "find_sync_batch",
        "start_sync_batch",
        "sync_now",
        "remove_sync_batch",
        "sync_users",
        "find_sync_user",
        "remove_sync_user",
        "skipped_items",
    ],
)
@pytest.mark.parametrize("identity", ["", "  "])
def test_an_empty_identity_never_reaches_the_service(method: str, identity: str) -> None:
    """For the service an empty identity means all objects."""
    desk = Desk()

    with pytest.raises(ValueError, match="identity"):
        getattr(desk.exchange, method)(identity)

    assert desk.requests == []


def test_members_are_read_after_the_group_has_been_seen() -> None:
    """For a group that is gone the service may list anything; the rule then does nothing."""
    desk = Desk(rows(GROUP_ROW), rows(MAILBOX, {"PrimarySmtpAddress": "bob@contoso.com"}))

    assert desk.exchange.coexistence_members() == {ANN, "bob@contoso.com"}
    assert desk.cmdlets == ["Get-DistributionGroup", "Get-DistributionGroupMember"]
    assert desk.parameters(1) == {"Identity": GROUP, "ResultSize": "Unlimited"}


@pytest.mark.parametrize(
    "answer", [not_found(GROUP), rows(), rows({"PrimarySmtpAddress": "x@y.z"})]
)
def test_a_missing_group_is_a_refusal(answer: httpx.Response) -> None:
    """Taken for an empty group, every mailbox would look detached."""
    desk = Desk(answer)

    with pytest.raises(Refusal) as no:
        desk.exchange.coexistence_members()

    assert no.value.code is Code.GROUP_MISSING


def test_joining_goes_past_the_groups_owners() -> None:
    """An application cannot own a group; without the bypass every write is refused."""
    desk = Desk(rows())

    desk.exchange.join_coexistence(ANN)

    assert desk.cmdlet(0) == {
        "CmdletName": "Add-DistributionGroupMember",
        "Parameters": {"Identity": GROUP, "Member": ANN, "BypassSecurityGroupManagerCheck": True},
    }


def test_leaving_is_confirmed_in_advance() -> None:
    """Remove- cmdlets ask a person otherwise, and nobody is there."""
    desk = Desk(rows())

    desk.exchange.leave_coexistence(ANN)

    assert desk.cmdlet(0)["CmdletName"] == "Remove-DistributionGroupMember"
    assert desk.parameters(0)["Confirm"] is False
    assert desk.parameters(0)["BypassSecurityGroupManagerCheck"] is True


def test_joining_and_leaving_twice_are_success() -> None:
    """Steps are repeated after lost answers."""
    desk = Desk(
        refusal("Microsoft.Exchange.Management.Tasks.MemberAlreadyExistsException"),
        refusal("Microsoft.Exchange.Management.Tasks.MemberNotFoundException"),
    )

    desk.exchange.join_coexistence(ANN)
    desk.exchange.leave_coexistence(ANN)

    assert len(desk.requests) == 2


def test_not_found_on_joining_is_the_group_or_the_mailbox_and_looking_tells_which() -> None:
    """A missing group stops everybody; a mailbox on its way only waits."""
    gone, lagging = Desk(not_found(GROUP), not_found(GROUP)), Desk(not_found(ANN), rows(GROUP_ROW))

    with pytest.raises(Refusal) as no:
        gone.exchange.join_coexistence(ANN)
    with pytest.raises(NotYet):
        lagging.exchange.join_coexistence(ANN)

    assert no.value.code is Code.GROUP_MISSING


def test_leaving_a_group_nobody_finds_is_a_refusal_and_an_unknown_member_is_success() -> None:
    """Without the group there is no rule, and that has to be said."""
    gone, unknown = Desk(not_found(GROUP), not_found(GROUP)), Desk(not_found(ANN), rows(GROUP_ROW))

    unknown.exchange.leave_coexistence(ANN)
    with pytest.raises(Refusal) as no:
        gone.exchange.leave_coexistence(ANN)

    assert no.value.code is Code.GROUP_MISSING


def test_a_batch_is_created_with_its_csv_as_numbers_and_started() -> None:
    """The service knows byte arrays as numbers; base64 is not attested."""
    desk = Desk(rows({"Identity": "pilot"}))

    desk.exchange.create_sync_batch("pilot", b"Email\xff")

    assert desk.cmdlet(0) == {
        "CmdletName": "New-MigrationBatch",
        "Parameters": {
            "Name": "pilot",
            "SourceEndpoint": "imap-src",
            "CSVData": {
                "@odata.type": "#Exchange.ByteArrayType",
                "Data": [69, 109, 97, 105, 108, 255],
            },
            "NotificationEmails": ["rapport-migration@contoso.com"],
            "AutoStart": True,
        },
    }


def test_a_batch_that_exists_already_is_a_conflict_told_by_looking() -> None:
    """The words for a taken name are not known for certain; the batch itself is."""
    desk = Desk(
        refusal("Microsoft.Exchange.Migration.MigrationPermanentException", "some words"),
        rows({"Identity": "pilot", "Status": "Syncing", "TotalCount": 40}),
    )

    with pytest.raises(Conflict):
        desk.exchange.create_sync_batch("pilot", b"x")

    assert desk.cmdlets == ["New-MigrationBatch", "Get-MigrationBatch"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (not_found("imap-src"), Code.ENDPOINT_MISSING),
        (
            refusal("X.MigrationPermanentException", "The endpoint 'imap-src' couldn't be found."),
            Code.ENDPOINT_MISSING,
        ),
        (
            refusal("X.Y", "The user 'ann' is already included in migration batch 'lot-1'."),
            Code.SYNC_IN_OTHER_BATCH,
        ),
        (refusal("X.MigrationCSVParsingException", "row 1: hunter2"), Code.REQUEST_REJECTED),
    ],
)
def test_a_refused_batch_says_why_and_never_quotes_the_csv(
    answer: httpx.Response, code: Code
) -> None:
    """The operator acts on the code; a password in the reason would end in the ledger."""
    desk = Desk(answer, not_found("pilot"))

    with pytest.raises(Refusal) as no:
        desk.exchange.create_sync_batch("pilot", b"EmailAddress,UserName,Password\nann,ann,hunter2")

    assert no.value.code is code
    assert "hunter2" not in str(no.value)
    assert no.value.__cause__ is None
    assert no.value.__suppress_context__


def test_a_lost_answer_to_a_new_batch_is_not_sent_again() -> None:
    """The batch may exist; a second one would copy every mailbox twice."""
    desk = Desk(httpx.ReadTimeout("x"))

    with pytest.raises(Unreachable):
        desk.exchange.create_sync_batch("pilot", b"x")

    assert desk.cmdlets == ["New-MigrationBatch"]


def test_a_batch_name_beyond_the_services_limit_is_not_sent() -> None:
    """The service would refuse it after the CSV has travelled."""
    with pytest.raises(ValueError, match="64"):
        Desk().exchange.create_sync_batch("x" * 65, b"x")


def test_a_batch_is_read_with_its_state_and_its_last_sync() -> None:
    """The final sync is proven by this instant; it is UTC whether it says so or not."""
    desk = Desk(
        rows(
            {
                "Identity": "Pilot",
                "Status": "SyncedwithErrors",
                "TotalCount": 40,
                "LastSyncedDateTime": "2026-03-01T06:00:00",
            }
        )
    )

    found = desk.exchange.find_sync_batch("pilot")

    assert found is not None
    assert (found.state, found.user_count) == (SyncState.READY, 40)
    assert found.last_synced_utc == datetime(2026, 3, 1, 6, tzinfo=UTC)


def test_a_batch_of_another_name_is_not_the_one_asked_for() -> None:
    """Removing or starting somebody else's batch would be beyond repair."""
    desk = Desk(rows({"Identity": "other", "Status": "Synced"}), not_found())

    assert desk.exchange.find_sync_batch("pilot") is None
    assert desk.exchange.find_sync_batch("pilot") is None


def test_the_verbs_of_a_batch_are_those_imap_has() -> None:
    """Completing is not supported for IMAP; removing is the end."""
    desk = Desk(rows(), rows(), rows(), rows())

    desk.exchange.start_sync_batch("pilot")
    desk.exchange.sync_now("pilot")
    desk.exchange.remove_sync_batch("pilot")
    desk.exchange.remove_sync_user(ANN)

    assert [(desk.cmdlet(i)["CmdletName"], desk.parameters(i)) for i in range(4)] == [
        ("Start-MigrationBatch", {"Identity": "pilot"}),
        ("Set-MigrationBatch", {"Identity": "pilot", "SyncNow": True}),
        ("Remove-MigrationBatch", {"Identity": "pilot", "Confirm": False}),
        ("Remove-MigrationUser", {"Identity": ANN, "Confirm": False}),
    ]


def test_removing_what_is_gone_is_success() -> None:
    """Steps are repeated after lost answers."""
    desk = Desk(not_found(), not_found())

    desk.exchange.remove_sync_batch("pilot")
    desk.exchange.remove_sync_user(ANN)

    assert len(desk.requests) == 2


@pytest.mark.parametrize(("status", "is_success"), [("Removing", True), ("Syncing", False)])
def test_a_removal_refused_because_it_is_under_way_is_success(
    status: str, is_success: bool
) -> None:
    """A batch on its way out takes no command; any other refusal is one."""
    no = refusal("X.MigrationBatchInvalidStateException")
    batch = Desk(no, rows({"Identity": "pilot", "Status": status}))
    user = Desk(no, rows(USER | {"Status": status}))

    with contextlib.nullcontext() if is_success else pytest.raises(Refusal):
        batch.exchange.remove_sync_batch("pilot")
    with contextlib.nullcontext() if is_success else pytest.raises(Refusal):
        user.exchange.remove_sync_user(ANN)

    assert batch.cmdlets == ["Remove-MigrationBatch", "Get-MigrationBatch"]
    assert user.cmdlets == ["Remove-MigrationUser", "Get-MigrationUser"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T06:00:00.0000000Z", datetime(2026, 3, 1, 6, tzinfo=UTC)),
        ("2026-03-01T07:00:00+01:00", datetime(2026, 3, 1, 6, tzinfo=UTC)),
        ("3/1/2026 6:00:00 AM", datetime(2026, 3, 1, 6, tzinfo=UTC)),
        ("03/01/2026 06:00:00", datetime(2026, 3, 1, 6, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        (None, None),
        ("", None),
    ],
)
def test_instants_are_utc_and_never_is_none(text: str | None, expected: datetime | None) -> None:
    """A local reading would shift the last sync by hours."""
    assert instant_utc(text) == expected


def test_an_instant_in_an_unknown_form_is_not_guessed() -> None:
    """A guess could call a stale sync fresh."""
    with pytest.raises(Refusal):
        instant_utc("yesterday")
