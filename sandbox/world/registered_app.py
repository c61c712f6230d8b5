"""The application registration through which a program enters the tenant without a person."""

from dataclasses import dataclass, field

# The application permissions Bascule asks for, by the names Microsoft Graph and Exchange give them.
BASCULE_ROLES = frozenset(
    {
        "Organization.Read.All",
        "User.ReadWrite.All",
        "User-PasswordProfile.ReadWrite.All",
        "LicenseAssignment.ReadWrite.All",
        "MailboxSettings.Read",
        "Mail.ReadBasic.All",
        "Mail.Read",
        "Mail.ReadWrite",
        "Mail.Send",
        "Domain.ReadWrite.All",
        "GroupMember.Read.All",
        "Exchange.ManageAsApp",
    }
)


@dataclass
class RegisteredApp:
    """One app of the tenant: who it says it is, how it proves it, what it may do.

    `roles` may change while the world runs; a token issued earlier keeps the roles it was issued with.
    `roles_in_exchange` are those that Exchange grants by itself (RBAC for Applications): no token carries them, and they add to
    what a token carries. Their scope holds every mailbox here.

    Source: "Role Based Access Control for Applications in Exchange Online", Microsoft Learn.
    """

    client_id: str
    client_secret: str = field(repr=False)
    roles: set[str] = field(default_factory=lambda: set(BASCULE_ROLES))
    roles_in_exchange: set[str] = field(default_factory=set)
    certificate_public_keys_pem: list[str] = field(default_factory=list)
