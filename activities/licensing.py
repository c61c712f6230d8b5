"""Plan the smallest licence change for one account, and make it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from bascule.domain.batch_cells import read_instant
from bascule.domain.codes import Code
from bascule.domain.directory import Account, LicenceChange, Sku
from bascule.domain.errors import Refusal
from bascule.domain.licences import LicenceRefusal, LicenceWish, plan_licence
from bascule.domain.plan import CohortPlan
from bascule.domain.service_plans import PlanNeedsAnother
from bascule.ports.bundle import Ports

# Which plans a licence holds changes with the vendor's catalogue; a thousand mailboxes need not ask a thousand times.
PLANS_AGE_MAX_S = 600.0
# An old answer may lack a licence bought a moment ago, so nothing is refused for these by an old answer alone.
_STOCK_CODES = frozenset({Code.LICENCE_UNKNOWN, Code.LICENCE_WITHOUT_MAILBOX})


def give_licence(ports: Ports, account: Account, wish: LicenceWish) -> LicenceChange:
    """Make the change the account needs; the one made, or an empty one when nothing had to change.

    A dependency that only the directory knew of is learned from its refusal, and the change tried once more.

    Raises:
        LocationRefused: the directory sees no usage location that it takes, perhaps not yet.
        Refusal: as the planner or the directory says.
        NotYet: licensing does not see the account yet.
    """
    change = planned(ports, account, wish)
    if not change:
        return change
    try:
        ports.directory.change_licences(account.account_id, change)
    except PlanNeedsAnother as no:
        learned = {**wish.learned, no.child_id: frozenset(no.parent_ids)}
        again = planned(ports, account, replace(wish, learned=learned))
        if again == change:
            raise
        change = again
        ports.directory.change_licences(account.account_id, change)
    return change


def planned(ports: Ports, account: Account, wish: LicenceWish) -> LicenceChange:
    """The change that `give_licence` would make. Raises Refusal when there is none to make."""
    # The seats of an old answer are nothing to refuse by: the directory knows the true ones.
    uncounted = replace(wish, is_seat_counted=False)
    found = plan_licence(ports.directory.licence_stock(PLANS_AGE_MAX_S), account, uncounted)
    if isinstance(found, LicenceRefusal) and found.code in _STOCK_CODES:
        found = plan_licence(ports.directory.licence_stock(), account, uncounted)
    if isinstance(found, LicenceRefusal):
        raise Refusal(found.code, f"{account.address}: {found.detail}")
    return found


def are_services_due(cohort: CohortPlan, now_utc: datetime) -> bool:
    """Whether the services of afterwards may be on by now."""
    return now_utc >= (services_due_utc(cohort) or datetime.min.replace(tzinfo=UTC))


def services_due_utc(cohort: CohortPlan) -> datetime | None:
    """The instant before which the services of afterwards stay off; None when there is none."""
    return (
        read_instant(cohort.services_after_at_utc).at_utc if cohort.services_after_at_utc else None
    )


def shown_licences(stock: Iterable[Sku], account: Account) -> str:
    """What an account holds, for the journal: part numbers, and how many plans of each are off."""
    names = {sku.sku_id: sku.part_number for sku in stock}
    return ", ".join(
        f"{names.get(state.sku_id, state.sku_id)} -{len(state.disabled_plan_ids)}"
        for state in account.licences
    )


def shown_change(stock: Iterable[Sku], change: LicenceChange) -> str:
    """A change, for the journal and for people."""
    names = {sku.sku_id: sku.part_number for sku in stock}
    added = [
        f"+{names.get(given.sku_id, given.sku_id)} -{len(given.disabled_plan_ids)}"
        for given in change.add
    ]
    removed = [f"-{names.get(sku_id, sku_id)}" for sku_id in change.remove]
    return ", ".join(added + removed)
