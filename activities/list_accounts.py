"""Page through the accounts that a selection may mean: mailboxes of batches, then newcomers of a cohort."""

from activities.password_subjects import LastRows
from bascule.domain.addresses import mailbox_key
from bascule.domain.cohorts import CohortChoice, CohortsAmbiguous
from bascule.domain.password_requests import AccountPage, AccountPageRequest, Selection
from bascule.domain.records import MailboxRef
from bascule.ports.bundle import Ports

# No batch may be called so: behind the last batch come accounts that none has.
NEWCOMERS = "~"


def list_accounts(ports: Ports, request: AccountPageRequest) -> AccountPage:
    """Mailboxes of one batch at a time, in order; a cohort may be spread over all batches, and beyond."""
    batch, _, key = request.after.partition("/")
    if batch == NEWCOMERS:
        return _newcomers(ports, request, key)
    behind = [name for name in _batches(ports, request.selection.batch) if name >= batch]
    if not behind:
        return AccountPage((), _behind_the_last(request.selection))
    keys = ports.ledger.mailbox_keys(
        behind[0], key if behind[0] == batch else "", request.count_max
    )
    refs = tuple(MailboxRef(behind[0], each) for each in keys)
    if len(keys) == request.count_max:
        return AccountPage(refs, f"{behind[0]}/{keys[-1]}")
    following = f"{behind[1]}/" if len(behind) > 1 else _behind_the_last(request.selection)
    return AccountPage(refs, following)


def _behind_the_last(selection: Selection) -> str:
    """Only a cohort has newcomers: a batch has its rows, and a unit is known from rows alone."""
    is_cohort_alone = selection.cohort and not (selection.batch or selection.unit)
    return f"{NEWCOMERS}/" if is_cohort_alone else ""


def _newcomers(ports: Ports, request: AccountPageRequest, after: str) -> AccountPage:
    """Accounts of the tenant that a pattern of the cohort fits and that no batch has, or still has, by address."""
    choice, cohort = CohortChoice(ports.plan.cohorts), request.selection.cohort
    addresses = sorted(account.address for account in ports.directory.accounts())
    fitting = [each for each in addresses if each > after and _chosen(choice, each) == cohort]
    page = tuple(fitting[: request.count_max])
    following = f"{NEWCOMERS}/{page[-1]}" if len(page) == request.count_max else ""
    rows = LastRows(ports)
    return AccountPage(
        (), following, tuple(each for each in page if rows.find(mailbox_key(each)) is None)
    )


def _chosen(choice: CohortChoice, address: str) -> str:
    try:
        return choice.choose(address)
    except CohortsAmbiguous:
        return ""


def _batches(ports: Ports, name: str) -> list[str]:
    if name:
        return [name]
    return sorted(batch.name for batch in ports.ledger.batches() if batch.is_open)
