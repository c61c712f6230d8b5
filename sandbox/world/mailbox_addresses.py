"""The addresses of a mailbox that is open: what "Set-Mailbox" changes, and the directory shows afterwards.

Source: Microsoft Learn, "Set-Mailbox", parameters EmailAddresses and WindowsEmailAddress.
"""

from collections.abc import Iterable

from sandbox.world.cloud import CloudMailbox
from sandbox.world.tenant import Tenant


def change_addresses(
    tenant: Tenant, mailbox: CloudMailbox, wanted: Iterable[str], primary: str = ""
) -> None:
    """Let a mailbox have exactly these addresses, and its primary one; the former primary one stays beside it.

    Raises:
        AddressTaken, DomainNotAccepted: nothing has changed.
    """
    first = (primary or mailbox.primary_address).lower()
    addresses = {address.lower() for address in wanted} | {first, mailbox.primary_address.lower()}
    for address in sorted(addresses - mailbox.addresses):
        tenant.recipients.claim(address, mailbox.exchange_guid)
    mailbox.addresses.clear()
    mailbox.addresses.update(addresses)
    mailbox.primary_address = first
    others = tuple(sorted(addresses - {first}))
    tenant.directory.stamp_addresses(mailbox.user_id, first, others)
