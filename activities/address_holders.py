"""Who has an address already, in words that an administrator can search for."""

from bascule.domain.codes import Code
from bascule.domain.directory import DeletedAccount
from bascule.domain.errors import Refusal
from bascule.ports.bundle import Ports

# Accounts are deleted by hand, now and then; a thousand new ones need not ask a thousand times.
DELETED_AGE_MAX_S = 600.0


def refuse_deleted_twin(ports: Ports, address: str) -> None:
    """See that no deleted account has had this name.

    Raises:
        Refusal(ACCOUNT_DELETED): restored, it would have its mailbox again; a new one would leave that behind.
    """
    if _deleted_twin(ports, address, DELETED_AGE_MAX_S) is None:
        return
    # Restored or purged since the list was read, it is in nobody's way.
    twin = _deleted_twin(ports, address, 0.0)
    if twin is not None:
        detail = f"{address} is the deleted account {twin.display_name} ({twin.account_id})"
        raise Refusal(Code.ACCOUNT_DELETED, f"{detail}: restore it, or delete it for good")


def refuse_taken(ports: Ports, address: str) -> None:
    """See that nobody else has this address.

    Raises:
        Refusal(ADDRESS_TAKEN | ACCOUNT_DELETED): with who has it.
    """
    holder = holder_of(ports, address)
    if holder:
        raise Refusal(Code.ADDRESS_TAKEN, f"{address} is an address of {holder}")
    refuse_deleted_twin(ports, address)


def holder_of(ports: Ports, address: str) -> str:
    """Who has this address without being called by it; empty when nobody is seen to have it."""
    for account in ports.directory.holders_of(address):
        if account.address != address:
            return f"the user {account.address}"
    for recipient in ports.recipients.everyone():
        if address in recipient.addresses and recipient.address != address:
            return f"the {recipient.kind} {recipient.name} ({recipient.address})"
        if recipient.address == address:
            return f"the {recipient.kind} {recipient.name}"
    return ""


def _deleted_twin(ports: Ports, address: str, age_max_s: float) -> DeletedAccount | None:
    found = ports.directory.deleted_accounts(age_max_s)
    return next((gone for gone in found if address in gone.addresses), None)
