"""Directory files as an operator writes them, and the surroundings in which they are checked."""

from collections.abc import Iterable

from bascule.domain.directory_objects.found import Kind, Recipient, Roll
from bascule.domain.directory_objects.surroundings import Surroundings

COEXISTENCE = "not.migrated@example.org"
ANN, BOB, EVE = "ann@example.org", "bob@example.org", "eve@partner.example"
ALL, INNER, INFO = "all@example.org", "inner@example.org", "info@example.org"


def csv(header: str, *rows: str) -> bytes:
    """A file of these lines."""
    return "\r\n".join([header, *rows]).encode()


def groups(*rows: str) -> bytes:
    """groups.csv"""
    return csv("PrimarySmtpAddress;DisplayName;ManagedBy;HiddenFromAddressListsEnabled", *rows)


def members(*rows: str) -> bytes:
    """group_members.csv"""
    return csv("Group,Member", *rows)


def mailboxes(*rows: str) -> bytes:
    """shared_mailboxes.csv"""
    return csv("PrimarySmtpAddress,DisplayName", *rows)


def delegations(*rows: str) -> bytes:
    """delegations.csv"""
    return csv("Mailbox,Trustee,AccessRights", *rows)


def contacts(*rows: str) -> bytes:
    """contacts.csv"""
    return csv("ExternalEmailAddress,DisplayName", *rows)


def recipient(address: str, kind: Kind = Kind.MAILBOX, *others: str) -> Recipient:
    """Somebody in the tenant; the name is one that Exchange would give."""
    local = address.partition("@")[0]
    return Recipient(f"g-{local}", f"d-{local}", f"n-{local}", local, (address, *others), kind)


def tenant(recipients: Iterable[Recipient] = (), coming: Iterable[str] = ()) -> Surroundings:
    """A tenant with Ann's mailbox and these, and mailboxes on their way."""
    return Surroundings(
        domains=frozenset({"example.org", "exampleorg.onmicrosoft.com"}),
        coexistence_group=COEXISTENCE,
        coming=frozenset(coming),
        roll=Roll([recipient(ANN), *recipients]),
    )
