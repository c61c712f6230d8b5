"""Page through the mailboxes that a selection may mean."""

from bascule.domain.password_requests import AccountPage, AccountPageRequest
from bascule.domain.records import MailboxRef
from bascule.ports.bundle import Ports


def list_accounts(ports: Ports, request: AccountPageRequest) -> AccountPage:
    """Mailboxes of one batch at a time, in order; a cohort may be spread over all batches."""
    batch, _, key = request.after.partition("/")
    names = _batches(ports, request.selection.batch)
    behind = [name for name in names if name >= batch]
    if not behind:
        return AccountPage((), "")
    keys = ports.ledger.mailbox_keys(
        behind[0], key if behind[0] == batch else "", request.count_max
    )
    refs = tuple(MailboxRef(behind[0], each) for each in keys)
    if len(keys) == request.count_max:
        return AccountPage(refs, f"{behind[0]}/{keys[-1]}")
    return AccountPage(refs, f"{behind[1]}/" if len(behind) > 1 else "")


def _batches(ports: Ports, name: str) -> list[str]:
    if name:
        return [name]
    return sorted(batch.name for batch in ports.ledger.batches() if batch.is_open)
