"""What recipient cmdlets show, one oddity each."""

import pytest

from bascule.adapters.exchange_online import recipients_rows as rows
from bascule.domain.directory_objects.found import HeldRight, Kind
from bascule.domain.directory_objects.values import Right

FULL = {"User": "ann@example.org", "AccessRights": ["FullAccess"], "IsInherited": False}


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        ("UserMailbox", Kind.MAILBOX),
        ("SharedMailbox", Kind.SHARED_MAILBOX),
        ("MailContact", Kind.CONTACT),
        ("MailUniversalSecurityGroup", Kind.GROUP),
        # A Microsoft 365 group ends in "Mailbox" and is none that could be a member.
        ("GroupMailbox", Kind.OTHER),
        ("DynamicDistributionGroup", Kind.OTHER),
        ("", Kind.OTHER),
    ],
)
def test_a_recipient_is_of_the_kind_that_its_details_say(shown: str, kind: Kind) -> None:
    """A group with a member that cannot be one is refused whole."""
    found = rows.recipient(
        {"Guid": "G", "PrimarySmtpAddress": "A@x.example", "RecipientTypeDetails": shown}
    )

    assert found is not None
    assert (found.kind, found.address, found.guid) == (kind, "a@x.example", "g")


def test_a_recipient_without_an_address_is_nobody() -> None:
    """The service lists objects that are half removed."""
    assert rows.recipient({"Guid": "g", "RecipientTypeDetails": "UserMailbox"}) is None


def test_a_contact_is_known_by_its_external_address_however_it_is_written() -> None:
    """`SMTP:` stands before it in one cmdlet and not in the other."""
    for written in ("SMTP:Eve@partner.example", "smtp:eve@partner.example", "eve@partner.example"):
        found = rows.contact({"Guid": "g", "DisplayName": "Eve", "ExternalEmailAddress": written})
        assert found.address == "eve@partner.example"


@pytest.mark.parametrize(
    "further",
    [
        {"IsInherited": True},
        {"Deny": True},
        {"AccessControlType": "Deny"},
        {"AccessRights": ["ReadPermission"]},
        {"AccessRights": None},
    ],
)
def test_rights_that_were_not_given_directly_are_nobodys(further: dict[str, object]) -> None:
    """Shown as a removal, they could never be removed."""
    assert rows.held_rights([FULL | further], "User", Right.FULL_ACCESS) == ()


@pytest.mark.parametrize(
    "rights",
    [["FullAccess"], "FullAccess", "FullAccess, ReadPermission", ["ReadPermission", "FullAccess"]],
)
def test_rights_come_as_a_list_or_as_text(rights: object) -> None:
    """The same property, by the way it was serialised."""
    found = rows.held_rights([FULL | {"AccessRights": rights}], "User", Right.FULL_ACCESS)

    assert found == (HeldRight("ann@example.org", Right.FULL_ACCESS),)
