"""What the app uses of Microsoft 365, by the vendor's names: permissions its tokens carry, cmdlets it runs.

Tests hold these lists against the rights that are granted and against what the adapters call.
"""

GRAPH_ROLES = frozenset(
    {
        "Organization.Read.All",
        "User.ReadWrite.All",
        "MailboxSettings.Read",
    }
)
MAIL_ROLES = frozenset({"Mail.ReadWrite", "Mail.Send"})
DOMAIN_ROLE = "Domain.ReadWrite.All"
MEMBERS_ROLE = "GroupMember.Read.All"
PASSWORD_ROLE = "User-PasswordProfile.ReadWrite.All"  # noqa: S105  a permission's name
EXCHANGE_ROLE = "Exchange.ManageAsApp"

MIGRATION_CMDLETS = frozenset(
    {
        "Add-DistributionGroupMember",
        "Get-DistributionGroup",
        "Get-DistributionGroupMember",
        "Get-Mailbox",
        "Get-MigrationBatch",
        "Get-MigrationUser",
        "Get-MigrationUserStatistics",
        "New-MigrationBatch",
        "Remove-DistributionGroupMember",
        "Remove-MigrationBatch",
        "Remove-MigrationUser",
        "Set-MigrationBatch",
        "Start-MigrationBatch",
    }
)
GUARD_CMDLETS = frozenset(
    {
        "Get-AcceptedDomain",
        "Get-DistributionGroup",
        "Get-InboundConnector",
        "Get-Mailbox",
        "Get-MigrationEndpoint",
        "Get-OutboundConnector",
        "Get-TransportRule",
    }
)
OBJECT_CMDLETS = frozenset(
    {
        "Add-DistributionGroupMember",
        "Add-MailboxPermission",
        "Add-RecipientPermission",
        "Get-DistributionGroup",
        "Get-DistributionGroupMember",
        "Get-MailContact",
        "Get-Mailbox",
        "Get-MailboxPermission",
        "Get-Recipient",
        "Get-RecipientPermission",
        "New-DistributionGroup",
        "New-MailContact",
        "New-Mailbox",
        "Remove-DistributionGroupMember",
        "Remove-MailboxPermission",
        "Remove-RecipientPermission",
        "Set-DistributionGroup",
        "Set-MailContact",
        "Set-Mailbox",
    }
)
TENANT_CMDLETS = GUARD_CMDLETS | {
    "Disable-TransportRule",
    "Enable-TransportRule",
    "New-DistributionGroup",
    "New-InboundConnector",
    "New-Mailbox",
    "New-MigrationEndpoint",
    "New-OutboundConnector",
    "New-TransportRule",
    "Remove-DistributionGroup",
    "Remove-InboundConnector",
    "Remove-MigrationEndpoint",
    "Remove-OutboundConnector",
    "Remove-TransportRule",
    "Set-AcceptedDomain",
    "Set-DistributionGroup",
    "Set-InboundConnector",
    "Set-MigrationEndpoint",
    "Set-OutboundConnector",
    "Set-TransportRule",
    "Test-MigrationServerAvailability",
}
