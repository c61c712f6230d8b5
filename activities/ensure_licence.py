"""Make sure that the account has its cohort's licence, with the services of now."""

from activities.subject import note, record_of
from bascule.domain.codes import Code
from bascule.domain.directory import (
    Account,
    LicenceState,
    Sku,
    disabled_after,
    disabled_before,
    mailbox_plans,
)
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.plan import CohortPlan
from bascule.domain.requests import LicenceRequest
from bascule.ports.bundle import Ports

REPLICATION_WAIT_S = 15.0
# Which plans a licence holds changes with the vendor's catalogue; a thousand mailboxes need not ask a thousand times.
PLANS_AGE_MAX_S = 600.0


def ensure_licence(ports: Ports, request: LicenceRequest) -> bool:
    """Assign the SKU, or correct its list of switched-off plans; True when something was written.

    A licence that comes from a group is left alone. Before the migration one that the account had already is left as
    it is, so that nobody loses a service they use.

    Raises:
        Refusal(LICENCE_UNKNOWN): the tenant has no SKU of that part number, or it holds no mailbox.
        Refusal(NO_SEAT | USAGE_LOCATION_INVALID | LICENCE_REFUSED): as the directory says.
        NotYet: the account is not visible yet.
    """
    record = record_of(ports, request.ref)
    cohort = ports.plan.cohort(record.cohort)
    sku = sku_of(ports, cohort)
    account = ports.directory.find_account(record.address)
    if account is None:
        raise NotYet(REPLICATION_WAIT_S, f"{record.address} is not visible in the directory yet")
    disabled = (
        disabled_after(sku, cohort.services_after) if request.is_after else disabled_before(sku)
    )
    held = account.holds(sku.sku_id)
    if held is not None and _is_enough(sku, held, disabled, is_after=request.is_after):
        return False
    ports.directory.assign_licence(account.account_id, sku.sku_id, disabled)
    note(ports, record, "licence", _shown(sku, account), f"{sku.part_number} -{len(disabled)}")
    return True


def sku_of(ports: Ports, cohort: CohortPlan) -> Sku:
    """The tenant's SKU of a cohort. Raises Refusal(LICENCE_UNKNOWN)."""
    # One bought a moment ago is not in an old answer, so nothing is refused by that alone.
    for age_max_s in (PLANS_AGE_MAX_S, 0.0):
        for sku in ports.directory.licence_stock(age_max_s):
            if sku.part_number == cohort.licence and mailbox_plans(sku):
                return sku
    what = f"the tenant has no licence {cohort.licence}, or it holds no mailbox plan"
    raise Refusal(Code.LICENCE_UNKNOWN, what)


def _is_enough(sku: Sku, held: LicenceState, disabled: tuple[str, ...], *, is_after: bool) -> bool:
    if held.by_group or set(held.disabled_plan_ids) == set(disabled):
        return True
    has_mailbox = any(plan.plan_id not in held.disabled_plan_ids for plan in mailbox_plans(sku))
    return has_mailbox and not is_after


def _shown(sku: Sku, account: Account) -> str:
    held = account.holds(sku.sku_id)
    return "" if held is None else f"{sku.part_number} -{len(held.disabled_plan_ids)}"
