"""Make sure that the mailbox has an account with a usage location."""

import secrets
import string

from activities.subject import note, record_of
from bascule.domain.addresses import local_part
from bascule.domain.codes import Code
from bascule.domain.directory import Account, NewAccount
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.records import MailboxRecord, MailboxRef
from bascule.domain.requests import AccountFacts
from bascule.ports.bundle import Ports

# The directory asks for three of four classes and takes up to 256 characters; nobody types this one.
RANDOM_PASSWORD_LENGTH = 24
CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!#%+-=?_")
REPLICATION_WAIT_S = 15.0


def ensure_account(ports: Ports, ref: MailboxRef) -> AccountFacts:
    """Find the account, or create it; correct a missing usage location.

    Idempotent: a creation whose answer was lost is found, and adopted, the next time.

    Raises:
        Refusal(ACCOUNT_MISSING): there is none, and the plan does not let us create it.
        Refusal(ACCOUNT_CONFLICT | ACCOUNT_INVALID): as the directory says.
        NotYet: it exists, but the directory does not show it everywhere yet.
    """
    record = record_of(ports, ref)
    location = record.usage_location or ports.plan.cohort(record.cohort).usage_location
    account = ports.directory.find_account(record.address) or _create(ports, record, location)
    if location and account.usage_location != location:
        ports.directory.set_usage_location(account.account_id, location)
        note(ports, record, "usage location", account.usage_location, location)
    return AccountFacts(account.account_id)


def _create(ports: Ports, record: MailboxRecord, location: str) -> Account:
    if not ports.plan.accounts.create:
        raise Refusal(Code.ACCOUNT_MISSING, f"{record.address} has no account in the tenant")
    new = NewAccount(
        record.address,
        record.display_name or local_part(record.address),
        location,
        _password(ports, record),
    )
    try:
        account = ports.directory.create_account(new)
    except Refusal as refusal:
        if refusal.code is not Code.ACCOUNT_CONFLICT:
            raise
        return _adopt(ports, record, refusal)
    note(ports, record, "account", "", account.account_id)
    return account


def _adopt(ports: Ports, record: MailboxRecord, conflict: Refusal) -> Account:
    """An account of that name exists after all: most often our own, whose answer was lost."""
    account = ports.directory.find_account(record.address)
    if account is None:
        raise NotYet(REPLICATION_WAIT_S, conflict.detail) from conflict
    return account


def _password(ports: Ports, record: MailboxRecord) -> str:
    if record.has_new_password:
        return ports.secrets.open(record.batch, new_password_key(record.key))
    characters = [secrets.choice(one_class) for one_class in CLASSES]
    every = "".join(CLASSES)
    characters += [secrets.choice(every) for _ in range(RANDOM_PASSWORD_LENGTH - len(characters))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


def new_password_key(key: str) -> str:
    """Under which key the password of a new account is sealed."""
    return f"{key}!new"
