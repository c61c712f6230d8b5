"""The reviewed list: what the app must be allowed in Microsoft 365, each with what it is for, and nothing besides.

The first lists move mailboxes. Further powers are granted by name, only where their work is wanted, and taken away alone.

Sources: "Microsoft Graph permissions reference" and "Permissions in Exchange Online", Microsoft Learn.
"""

from collections.abc import Iterable
from dataclasses import dataclass

GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
EXCHANGE_APP_ID = "00000002-0000-0ff1-ce00-000000000000"


@dataclass(frozen=True)
class Right:
    """One right by the vendor's name, and the steps that need it."""

    name: str
    needed_for: str


# In the directory they reach every mailbox of the tenant; Exchange can grant them by itself for some, as "Application NAME".
MAIL_ROLES = (
    Right("Mail.ReadWrite", "certificate, probes, mail brought home at a rollback"),
    Right("Mail.Send", "probes and notices"),
)
GRAPH_ROLES = (
    Right("Organization.Read.All", "licences of the tenant and their seats"),
    # Creating accounts needs it anyway, and it assigns licences too: LicenseAssignment.ReadWrite.All would be one to spare.
    Right(
        "User.ReadWrite.All",
        "find and create accounts, usage location, licences and their services",
    ),
    Right("MailboxSettings.Read", "is the mailbox open?"),
    *MAIL_ROLES,
)
EXCHANGE_APP_ROLES = (Right("Exchange.ManageAsApp", "the door of the admin gateway"),)
EXCHANGE_ROLES = (
    Right("Migration", "migration batches and their users"),
    Right("Distribution Groups", "members of the coexistence group"),
    Right("Security Group Creation and Membership", "the same without being its owner"),
    Right("View-Only Recipients", "is there a mailbox, and which addresses does it have?"),
)
APP_ROLES = {
    GRAPH_APP_ID: GRAPH_ROLES,
    EXCHANGE_APP_ID: EXCHANGE_APP_ROLES,
}


@dataclass(frozen=True)
class Power:
    """Rights beside those that move mailboxes; what it needs of those is not named again."""

    name: str
    needed_for: str
    graph: tuple[Right, ...] = ()
    exchange: tuple[Right, ...] = ()


POWERS = {
    power.name: power
    for power in (
        Power(
            "tenant",
            "prepare the tenant, watch over it, and complete it",
            graph=(Right("Domain.ReadWrite.All", "add, verify and read domains"),),
            exchange=(
                Right("Transport Rules", "the rule that routes mail to Postfix"),
                Right("Remote and Accepted Domains", "connectors and accepted domains"),
                Right("Mail Recipient Creation", "the mailbox of the reports"),
            ),
        ),
        Power(
            "objects",
            "groups, shared mailboxes, rights on mailboxes, and contacts",
            graph=(Right("GroupMember.Read.All", "who is in which group, in few calls"),),
            exchange=(
                Right("Mail Recipients", "rights on mailboxes, contacts that exist"),
                Right("Mail Recipient Creation", "shared mailboxes and contacts"),
            ),
        ),
        Power(
            "addresses",
            "correct the addresses of cloud mailboxes, instead of setting them aside",
            exchange=(Right("Mail Recipients", "the primary and the routing address"),),
        ),
        Power(
            "passwords",
            "set passwords of accounts that exist",
            # Never those of administrators: the directory refuses that without a role of its own.
            graph=(Right("User-PasswordProfile.ReadWrite.All", "set another password"),),
        ),
    )
}


def app_roles(
    powers: Iterable[str] = (), *, is_mail_confined: bool = False
) -> dict[str, tuple[Right, ...]]:
    """The application permissions by service, those of further powers with them; confined, those to mail are Exchange's."""
    further = tuple(right for name in powers for right in POWERS[name].graph)
    confined = MAIL_ROLES if is_mail_confined else ()
    here = tuple(right for right in GRAPH_ROLES if right not in confined)
    return {**APP_ROLES, GRAPH_APP_ID: (*here, *further)}
