"""The management roles of Exchange that decide which cmdlets and parameters an app may run.

Source: Microsoft Learn, "Permissions in Exchange Online"; the roles each cmdlet names on its own page.
"""

MIGRATION = "Migration"
DISTRIBUTION_GROUPS = "Distribution Groups"
SECURITY_GROUP_CREATION = "Security Group Creation and Membership"
MAIL_RECIPIENTS = "Mail Recipients"
MAIL_RECIPIENT_CREATION = "Mail Recipient Creation"
TRANSPORT_RULES = "Transport Rules"
REMOTE_AND_ACCEPTED_DOMAINS = "Remote and Accepted Domains"
VIEW_ONLY_CONFIGURATION = "View-Only Configuration"
VIEW_ONLY_RECIPIENTS = "View-Only Recipients"

MANAGEMENT_ROLES = frozenset(
    {
        MIGRATION,
        DISTRIBUTION_GROUPS,
        SECURITY_GROUP_CREATION,
        MAIL_RECIPIENTS,
        MAIL_RECIPIENT_CREATION,
        TRANSPORT_RULES,
        REMOTE_AND_ACCEPTED_DOMAINS,
        VIEW_ONLY_CONFIGURATION,
        VIEW_ONLY_RECIPIENTS,
    }
)
