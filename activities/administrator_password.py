"""Give one account, named by a person, a temporary password that is seen once."""

from activities.hand_out import forget
from activities.import_passwords import BATCH
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal
from bascule.domain.passwords import administrator_password
from bascule.domain.records import JournalEntry
from bascule.ports.bundle import Ports


def set_administrator_password(ports: Ports, address: str, asked_by: str) -> str:
    """The new password, which has to be changed at the first sign-in. It is kept nowhere: asked again, another one is set.

    The one that was to be handed out opens nothing any more and is destroyed; one that was imported still waits.

    Raises:
        Refusal(ACCOUNT_MISSING): there is no such account.
        Refusal(PERMISSION_MISSING): the account has an administrator's role, and the app has no directory role above it.
    """
    account = ports.directory.find_account(address)
    if account is None:
        raise Refusal(Code.ACCOUNT_MISSING, f"{address} has no account in the tenant")
    password = administrator_password()
    ports.directory.set_password(account.account_id, password, must_change=True)
    forget(ports, account.address)
    now_utc = ports.clock.now_utc()
    ports.journal.note(
        JournalEntry(now_utc, BATCH, address, "password", "", "temporary, to be changed", asked_by)
    )
    return password
