"""Every cmdlet the simulated tenant knows, by name in lower case."""

from sandbox.faces import (
    exchange_cmdlets_batches,
    exchange_cmdlets_contacts,
    exchange_cmdlets_groups,
    exchange_cmdlets_recipients,
    exchange_cmdlets_rules,
    exchange_cmdlets_users,
)
from sandbox.faces.exchange_cmdlet import Cmdlet

CMDLETS: dict[str, Cmdlet] = {
    found.name.lower(): found
    for found in (
        *exchange_cmdlets_batches.CMDLETS,
        *exchange_cmdlets_users.CMDLETS,
        *exchange_cmdlets_groups.CMDLETS,
        *exchange_cmdlets_rules.CMDLETS,
        *exchange_cmdlets_recipients.CMDLETS,
        *exchange_cmdlets_contacts.CMDLETS,
    )
}
