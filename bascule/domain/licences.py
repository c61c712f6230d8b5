"""The licence planner: the one smallest change that gives an account what its cohort says, or why there is none.

    stock, account, cohort, before or after the migration  ->  LicenceChange (may be empty) | LicenceRefusal

One change is one call of the directory: what is given and what is taken away stand together, so that no mailbox is
without a licence for a moment. The plans that are off are always the whole list, made anew from the plans that are
wanted on: a plan that the vendor adds to a product later is off at the next change, until somebody wishes it.

Source: Microsoft Learn, "user: assignLicense", "subscribedSku resource type", "licenseAssignmentState resource type",
"Resolve group license assignment problems in Microsoft Entra ID".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bascule.domain.codes import Code
from bascule.domain.directory import (
    Account,
    Assignment,
    LicenceChange,
    LicenceState,
    Sku,
    mailbox_plans,
    user_plans,
)
from bascule.domain.errors import Refusal
from bascule.domain.plan import CohortPlan, LicenceMode
from bascule.domain.service_plans import (
    EXCLUSIVE_PLANS,
    Parents,
    PlanUnmet,
    known_parents,
    with_parents,
)

ALL_SERVICES = "*"

# What the directory notes on a licence that came to nothing; "Other" is also spelt "Others".
STATE_CODES: Mapping[str, Code] = MappingProxyType(
    {
        "CountViolation": Code.NO_SEAT,
        "MutuallyExclusiveViolation": Code.PLAN_CONFLICT,
        "DependencyViolation": Code.PLAN_DEPENDENCY,
        "ProhibitedInUsageLocationViolation": Code.USAGE_LOCATION_INVALID,
        "UniquenessViolation": Code.ADDRESS_TAKEN,
        "Other": Code.LICENCE_REFUSED,
        "Others": Code.LICENCE_REFUSED,
    }
)


@dataclass(frozen=True)
class LicenceRefusal:
    """Why there is no change to make; a person decides."""

    code: Code
    detail: str


@dataclass(frozen=True)
class LicenceWish:
    """What is asked for one account."""

    cohort: CohortPlan
    is_after: bool
    """The services of after the migration; otherwise only what the mailbox needs."""
    usage_location: str = ""
    """The country that the account has or is about to have, for an answer of the directory that lags."""
    learned: Parents = field(default_factory=dict)
    """Dependencies between plans that the directory has told of: {plan id: ids of which it needs one}."""
    is_seat_counted: bool = True
    """False when the stock is an old answer; the directory itself then refuses what is too many."""


class LocationRefused(Refusal):
    """Licensing sees no usage location at the account that it takes: for some minutes after one was written, a lag."""

    def __init__(self, detail: str) -> None:
        super().__init__(Code.USAGE_LOCATION_INVALID, detail)


class _Refused(Exception):
    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.refusal = LicenceRefusal(code, detail)


def plan_licence(
    stock: Iterable[Sku], account: Account, wish: LicenceWish
) -> LicenceChange | LicenceRefusal:
    """The smallest change that fulfils the wish; an empty one when nothing has to change."""
    by_id = {sku.sku_id: sku for sku in stock}
    try:
        return _change(by_id, account, wish)
    except _Refused as no:
        return no.refusal


def opens_mailbox(sku: Sku, state: LicenceState) -> bool:
    """Whether this assignment of a SKU holds a mailbox open."""
    off = set(state.disabled_plan_ids)
    return state.is_active and any(plan.plan_id not in off for plan in mailbox_plans(sku))


def unknown_services(stock: Iterable[Sku], cohort: CohortPlan) -> tuple[str, ...]:
    """Services that a cohort names and its licence does not have: mostly a slip of the pen, and silently off."""
    known = {
        plan.name for sku in stock if sku.part_number == cohort.licence for plan in user_plans(sku)
    }
    named = dict.fromkeys((*cohort.services_first, *cohort.services_after))
    return tuple(name for name in named if name not in known | {ALL_SERVICES})


def takes_seat(account: Account, change: LicenceChange) -> bool:
    """Whether a change needs seats that the account does not have; one SKU held in two ways takes one seat."""
    return any(account.holds(assignment.sku_id) is None for assignment in change.add)


def _change(stock: Mapping[str, Sku], account: Account, wish: LicenceWish) -> LicenceChange:
    target = _target(stock, wish.cohort.licence)
    direct = _direct(account)
    if _is_kept(stock, account, target, wish.cohort):
        return LicenceChange()
    removed = _removed(stock, account, target, wish.cohort)
    gone = tuple(state.sku_id for state in removed)
    if target.sku_id not in direct and _is_given_by_group(target, account):
        return LicenceChange(remove=gone)
    remaining = [state for state in account.licences if state not in removed]
    elsewhere = _on(stock, [state for state in remaining if state.sku_id != target.sku_id])
    held = direct.get(target.sku_id)
    on = _on(stock, [held]) if held else frozenset[str]()
    wanted = _wanted(target, on | _on(stock, removed), wish)
    known = known_parents(stock.values(), wish.learned)
    met = _met(known, wanted, elsewhere, _on(stock, account.licences))
    wanted = _closed(stock, target, wanted, elsewhere, met)
    _check_exclusive(stock, wanted | elsewhere)
    is_enough = held is not None and held.is_active and wanted == on
    change = LicenceChange(() if is_enough else (_assignment(target, wanted),), gone)
    _check_assignable(target, account, change, wish)
    return change


def _target(stock: Mapping[str, Sku], part_number: str) -> Sku:
    for sku in stock.values():
        if sku.part_number == part_number:
            if mailbox_plans(sku):
                return sku
            raise _Refused(
                Code.LICENCE_WITHOUT_MAILBOX, f"{part_number} has no plan that opens a mailbox"
            )
    raise _Refused(Code.LICENCE_UNKNOWN, f"the tenant has no licence {part_number}")


def _direct(account: Account) -> dict[str, LicenceState]:
    return {state.sku_id: state for state in account.licences if not state.by_group}


def _is_kept(stock: Mapping[str, Sku], account: Account, target: Sku, cohort: CohortPlan) -> bool:
    """In mode keep any mailbox will do, unless it is the cohort's own licence, whose services we switch."""
    return cohort.mode is LicenceMode.KEEP and any(
        state.sku_id != target.sku_id and opens_mailbox(stock[state.sku_id], state)
        for state in account.licences
        if state.sku_id in stock
    )


def _removed(
    stock: Mapping[str, Sku], account: Account, target: Sku, cohort: CohortPlan
) -> tuple[LicenceState, ...]:
    """The direct assignments that `replace` takes away; what a group gave cannot be taken from one user."""
    if cohort.mode is not LicenceMode.REPLACE:
        return ()
    others = [
        state
        for state in account.licences
        if state.sku_id in stock and state.sku_id != target.sku_id
    ]
    if not cohort.replaces:
        return tuple(
            state
            for state in others
            if not state.by_group and opens_mailbox(stock[state.sku_id], state)
        )
    named = [state for state in others if stock[state.sku_id].part_number in cohort.replaces]
    for state in named:
        if state.by_group:
            raise _Refused(
                Code.LICENCE_INHERITED,
                f"{stock[state.sku_id].part_number} comes from the group {state.by_group},"
                " and only leaving the group takes it away",
            )
    return tuple(named)


def _is_given_by_group(target: Sku, account: Account) -> bool:
    """Whether a group gives the cohort's licence, mailbox and all. Raises _Refused when it does so in vain."""
    states = [state for state in account.licences if state.sku_id == target.sku_id]
    if not states:
        return False
    if any(opens_mailbox(target, state) for state in states):
        return True
    state = states[0]
    if state.error:
        code = STATE_CODES.get(state.error, Code.LICENCE_REFUSED)
        raise _Refused(
            code, f"{target.part_number} from the group {state.by_group} failed: {state.error}"
        )
    raise _Refused(
        Code.LICENCE_INHERITED,
        f"{target.part_number} comes from the group {state.by_group}, whose licence has the mailbox plan off",
    )


def _on(stock: Mapping[str, Sku], states: Iterable[LicenceState]) -> frozenset[str]:
    """Ids of the plans that these assignments switch on for the user."""
    return frozenset(
        plan.plan_id
        for state in states
        if state.is_active and state.sku_id in stock
        for plan in user_plans(stock[state.sku_id])
        if plan.plan_id not in state.disabled_plan_ids
    )


def _wanted(target: Sku, used: frozenset[str], wish: LicenceWish) -> frozenset[str]:
    """Before the migration nobody loses a service they use; after it the cohort's list is the whole truth."""
    plans = user_plans(target)
    mailbox = {plan.plan_id for plan in mailbox_plans(target)}
    names = wish.cohort.services_after if wish.is_after else wish.cohort.services_first
    if ALL_SERVICES in names:
        return frozenset(plan.plan_id for plan in plans)
    named = {plan.plan_id for plan in plans if plan.name in names}
    if wish.is_after:
        return frozenset(named | mailbox)
    kept = {plan.plan_id for plan in plans if plan.plan_id in used}
    return frozenset(named | kept | (set() if kept & mailbox else mailbox))


def _met(
    parents: Parents, wanted: frozenset[str], elsewhere: frozenset[str], present: frozenset[str]
) -> Parents:
    """Without plans of other licences that do without theirs already: that is none of our doing."""
    return {
        child: needed
        for child, needed in parents.items()
        if child in wanted or child not in elsewhere or needed & present
    }


def _closed(
    stock: Mapping[str, Sku],
    target: Sku,
    wanted: frozenset[str],
    elsewhere: frozenset[str],
    parents: Parents,
) -> frozenset[str]:
    can_be_on = frozenset(plan.plan_id for plan in user_plans(target))
    try:
        return with_parents(wanted, elsewhere, can_be_on, parents)
    except PlanUnmet as unmet:
        names = _names(stock)
        needed = " or ".join(sorted(names.get(parent, parent) for parent in unmet.parents))
        raise _Refused(
            Code.PLAN_DEPENDENCY,
            f"{names.get(unmet.child, unmet.child)} needs {needed}, which {target.part_number} does not have",
        ) from None


def _check_exclusive(stock: Mapping[str, Sku], on: frozenset[str]) -> None:
    names = _names(stock)
    shown = {names[plan_id] for plan_id in on if plan_id in names}
    for pair in EXCLUSIVE_PLANS:
        if pair <= shown:
            raise _Refused(
                Code.PLAN_CONFLICT, f"{' and '.join(sorted(pair))} cannot be on together"
            )


def _assignment(target: Sku, wanted: frozenset[str]) -> Assignment:
    off = {plan.plan_id for plan in user_plans(target)} - wanted
    return Assignment(target.sku_id, tuple(sorted(off)))


def _check_assignable(
    target: Sku, account: Account, change: LicenceChange, wish: LicenceWish
) -> None:
    if change.add and not (account.usage_location or wish.usage_location):
        raise _Refused(
            Code.USAGE_LOCATION_INVALID,
            f"{account.address} has no usage location, and a licence needs one",
        )
    if wish.is_seat_counted and takes_seat(account, change) and target.assignable_count < 1:
        raise _Refused(Code.NO_SEAT, seats_shown(target))


def seats_shown(sku: Sku) -> str:
    """A product's seats in words, units that cannot be given told apart."""
    parts = [f"{sku.part_number}: {sku.enabled_count} seats, {sku.consumed_count} taken"]
    counts = (
        (sku.warning_count, "in the grace period"),
        (sku.suspended_count, "suspended"),
        (sku.locked_out_count, "locked out"),
    )
    return ", ".join(parts + [f"{count} {state}" for count, state in counts if count])


def _names(stock: Mapping[str, Sku]) -> dict[str, str]:
    return {plan.plan_id: plan.name for sku in stock.values() for plan in sku.service_plans}
