"""Make sure that the mailbox has an account with a usage location."""

from activities.address_holders import refuse_deleted_twin, refuse_taken
from activities.hand_out import acknowledge, discard, prepare, settle
from activities.subject import note, record_of
from bascule.domain.addresses import local_part
from bascule.domain.codes import Code
from bascule.domain.directory import Account, NewAccount
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.hand_out import batch_origin, person_of
from bascule.domain.passwords import password_for
from bascule.domain.plan import CohortPlan
from bascule.domain.records import MailboxRecord, MailboxRef
from bascule.domain.requests import AccountFacts
from bascule.ports.bundle import Ports

REPLICATION_WAIT_S = 15.0


def ensure_account(ports: Ports, ref: MailboxRef) -> AccountFacts:
    """Find the account, or create it; correct a missing usage location.

    Idempotent: a creation whose answer was lost is found, and adopted, the next time.

    Raises:
        Refusal(ACCOUNT_MISSING): there is none, and the plan does not let us create it.
        Refusal(ADDRESS_TAKEN | ACCOUNT_DELETED): the address is somebody else's, who is named.
        Refusal(ACCOUNT_INVALID | PASSWORD_REFUSED): as the directory says.
        NotYet: it exists, but the directory does not show it everywhere yet.
    """
    record = record_of(ports, ref)
    location = record.usage_location or ports.plan.cohort(record.cohort).usage_location
    account = ports.directory.find_account(record.address) or _create(ports, record, location)
    acknowledge(ports, record.address, batch_origin(record.batch))
    if location and account.usage_location != location:
        ports.directory.set_usage_location(account.account_id, location)
        note(ports, record, "usage location", account.usage_location, location)
    return AccountFacts(account.account_id)


def _create(ports: Ports, record: MailboxRecord, location: str) -> Account:
    if not ports.plan.accounts.create:
        raise Refusal(Code.ACCOUNT_MISSING, f"{record.address} has no account in the tenant")
    refuse_deleted_twin(ports, record.address)
    cohort = ports.plan.cohort(record.cohort)
    new = NewAccount(
        record.address,
        record.display_name or local_part(record.address),
        location,
        _password(ports, record, cohort),
        cohort.must_change_password,
        cohort.has_password_complexity,
        cohort.language,
    )
    try:
        account = ports.directory.create_account(new)
    except Refusal as refusal:
        if refusal.code is Code.PASSWORD_REFUSED:
            discard(ports, record.address, batch_origin(record.batch))
        if refusal.code is not Code.ACCOUNT_CONFLICT:
            raise
        return _adopt(ports, record, refusal)
    settle(ports, record.address, batch_origin(record.batch))
    note(ports, record, "account", "", account.account_id)
    return account


def _adopt(ports: Ports, record: MailboxRecord, conflict: Refusal) -> Account:
    """An account of that name exists after all: most often our own, whose answer was lost."""
    account = ports.directory.find_account(record.address)
    if account is None:
        refuse_taken(ports, record.address)
        raise NotYet(REPLICATION_WAIT_S, conflict.detail) from conflict
    return account


def _password(ports: Ports, record: MailboxRecord, cohort: CohortPlan) -> str:
    """Sealed for hand-out before the directory hears of it: nobody could say afterwards what it was."""
    given = ""
    if record.has_new_password:
        given = ports.secrets.open(record.batch, new_password_key(record.key))
    origin = batch_origin(record.batch)
    return prepare(ports, person_of(record), origin, lambda: password_for(cohort, given))


def new_password_key(key: str) -> str:
    """Under which key the password of a new account is sealed."""
    return f"{key}!new"
