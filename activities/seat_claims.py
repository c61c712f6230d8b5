"""Who claims seats of a licence: the mailboxes of every batch that is not closed, and newcomers of runs under way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bascule.domain.directory import Account, Sku
from bascule.domain.licence_requests import NewcomerPage
from bascule.domain.licences import LicenceRefusal, LicenceWish, plan_licence
from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports

# No batch can be called so.
RUN_PREFIX = "newcomers:"
# A hundred addresses of the greatest length fit into a document; a run has a thousand newcomers at most.
PAGE_LENGTH_MAX = 100
PAGE_COUNT_MAX = 100

Claims = Mapping[str, str]
"""{address: cohort} of mailboxes that have, or will have, a seat."""


@dataclass(frozen=True)
class OtherClaims:
    """What other batches claim of a licence."""

    known: Claims
    admitting: Mapping[str, int]
    """{batch: seats} of batches that have reserved and are not registered yet; their addresses are not known here."""


def claims_of(ports: Ports, batch: str, part_number: str) -> dict[str, str]:
    """The claims of one batch on a licence, from its rows."""
    return {
        record.address: record.cohort
        for record in ports.ledger.mailboxes(batch)
        if is_claiming(ports, record, part_number)
    }


def is_claiming(ports: Ports, record: MailboxRecord, part_number: str) -> bool:
    """Whether a mailbox has, or will have, a seat of the licence."""
    licence = ports.plan.cohort(record.cohort).licence
    return record.stage is not Stage.ABANDONED and licence == part_number


def others_of(
    ports: Ports, reserved: Mapping[str, int], batch: str, part_number: str
) -> OtherClaims:
    """What the other reservations stand for now; those of batches that were refused or closed stand for nothing."""
    known: dict[str, str] = {}
    admitting: dict[str, int] = {}
    for name, seat_count in _others(reserved, batch):
        if name.startswith(RUN_PREFIX):
            known |= newcomers_of(ports, name, seat_count)
            continue
        # In this order: an upload goes away only after its batch is registered, or refused for good.
        is_uploaded = ports.blobs.find_upload(name) is not None
        row = ports.ledger.find_batch(name)
        if row is not None and row.is_open:
            if row.closed_utc is None:
                known |= claims_of(ports, name, part_number)
        elif is_uploaded:
            admitting[name] = seat_count
    return OtherClaims(known, admitting)


def newcomers_of(ports: Ports, name: str, seat_count: int) -> dict[str, str]:
    """The claims behind a run's reservation of so many seats; none when its time is over."""
    pages = newcomer_pages(ports, name)
    if all(page.until_utc < ports.clock.now_utc() for page in pages):
        return {}
    claims = [(address, page.cohort) for page in pages for address in page.addresses]
    return dict(claims[:seat_count])


def newcomer_pages(ports: Ports, name: str) -> list[NewcomerPage]:
    """Whom a run has asked for seats for, in the order in which they got them."""
    pages: list[NewcomerPage] = []
    for number in range(PAGE_COUNT_MAX):
        page = ports.documents.find(page_document(name, number), NewcomerPage)
        if page is None:
            break
        pages.append(page)
    return pages


def page_document(name: str, number: int) -> str:
    """Under which name a page is kept."""
    return f"seats.{name}.{number}"


def without_need(
    ports: Ports, claims: Claims, sku: Sku, accounts: Mapping[str, Account]
) -> frozenset[str]:
    """Addresses of these claims that need no seat after all, because their cohort keeps what they have."""
    stock = ports.directory.licence_stock()
    return frozenset(
        address
        for address, cohort in claims.items()
        if (account := accounts.get(address)) and _is_content(ports, stock, account, cohort, sku)
    )


def _is_content(
    ports: Ports, stock: tuple[Sku, ...], account: Account, cohort: str, sku: Sku
) -> bool:
    wish = LicenceWish(ports.plan.cohort(cohort), is_after=False, is_seat_counted=False)
    change = plan_licence(stock, account, wish)
    return (
        not isinstance(change, LicenceRefusal) and not change and account.holds(sku.sku_id) is None
    )


def _others(reserved: Mapping[str, int], batch: str) -> Iterator[tuple[str, int]]:
    return ((name, seats) for name, seats in sorted(reserved.items()) if name != batch)
