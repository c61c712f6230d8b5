"""The licence planner over random catalogues: promises that hold for every one, and the minimum by trying all. 20 s."""

import itertools
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from bascule.domain.codes import Code
from bascule.domain.directory import (
    Account,
    Assignment,
    LicenceChange,
    LicenceState,
    ServicePlan,
    Sku,
    mailbox_plans,
    user_plans,
)
from bascule.domain.licences import (
    LicenceRefusal,
    LicenceWish,
    opens_mailbox,
    plan_licence,
    takes_seat,
)
from bascule.domain.plan import CohortPlan, LicenceMode
from bascule.domain.service_plans import EXCLUSIVE_PLANS, PARENTS_BY_NAME

NAMES = (
    "EXCHANGE_S_STANDARD",
    "EXCHANGE_S_ENTERPRISE",
    "EXCHANGE_S_FOUNDATION",
    "TEAMS1",
    "TEAMS_FREE",
    "SHAREPOINTSTANDARD_EDU",
    "SHAREPOINTENTERPRISE_EDU",
    "SHAREPOINTWAC_EDU",
    "MCOSTANDARD",
    "MCOEV",
    "YAMMER_EDU",
)
PLANS = {
    name: ServicePlan(f"p-{name.lower()}", name, name != "EXCHANGE_S_FOUNDATION") for name in NAMES
}
Names = AbstractSet[str]
MANY = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)

# Bought, taken, in the grace period; most products have a seat, and most open a mailbox: else there is little to plan.
SEATS = ((5, 0, 0), (5, 1, 0), (5, 4, 0), (5, 2, 1), (5, 5, 0), (0, 0, 1), (5, 6, 1))
skus = some.tuples(
    some.lists(some.sampled_from(NAMES[2:]), max_size=4, unique=True),
    some.sampled_from([*NAMES[:2], *NAMES[:2], ""]),
    some.sampled_from(SEATS),
)


@some.composite
def stocks(draw: some.DrawFn) -> tuple[Sku, ...]:
    """One to four products, some full, some without a mailbox."""
    return tuple(
        Sku(
            f"sku-{at}",
            f"SKU{at}",
            seats[0],
            seats[1],
            tuple(PLANS[name] for name in dict.fromkeys([*names, mailbox]) if name),
            warning_count=seats[2],
        )
        for at, (names, mailbox, seats) in enumerate(draw(some.lists(skus, min_size=1, max_size=4)))
        if names or mailbox
    ) or (Sku("sku-0", "SKU0", 5, 0, (PLANS["EXCHANGE_S_STANDARD"],)),)


@some.composite
def accounts(draw: some.DrawFn, stock: tuple[Sku, ...]) -> Account:
    """Somebody who holds some of the products, each directly, by a group, or both."""
    states = []
    for sku in stock:
        for group in draw(some.sampled_from([(), (), ("",), ("",), ("g",), ("", "g")])):
            off = draw(some.sets(some.sampled_from([p.plan_id for p in sku.service_plans])))
            on_user = {p.plan_id for p in user_plans(sku)}
            states.append(LicenceState(sku.sku_id, tuple(sorted(off & on_user)), group))
    return Account(
        "id",
        "lea@example.org",
        True,
        draw(some.sampled_from(["FR", "FR", "FR", ""])),
        tuple(states),
    )


@some.composite
def cases(draw: some.DrawFn) -> tuple[tuple[Sku, ...], Account, LicenceWish]:
    """A tenant, somebody in it, and what is wished for them."""
    stock = draw(stocks())
    mode = draw(some.sampled_from(LicenceMode))
    names = some.lists(some.sampled_from(NAMES), max_size=3, unique=True).map(tuple)
    licence = draw(some.sampled_from([sku.part_number for sku in stock]))
    others = [sku.part_number for sku in stock if sku.part_number != licence]
    replaces = draw(some.lists(some.sampled_from(others), unique=True)) if others else []
    cohort = CohortPlan(
        licence,
        mode,
        tuple(replaces) if mode is LicenceMode.REPLACE else (),
        services_first=draw(names),
        services_after=draw(some.one_of(names, some.just(("*",)))),
    )
    return stock, draw(accounts(stock)), LicenceWish(cohort, draw(some.booleans()))


def applied(account: Account, change: LicenceChange) -> Account:
    """The account after the directory has made the change."""
    added = {given.sku_id: given for given in change.add}
    kept = [
        state
        for state in account.licences
        if state.by_group or state.sku_id not in {*change.remove, *added}
    ]
    fresh = [LicenceState(given.sku_id, given.disabled_plan_ids) for given in change.add]
    return replace(account, licences=(*kept, *fresh))


def is_open(stock: tuple[Sku, ...], account: Account) -> bool:
    """Whether any licence holds the mailbox open."""
    by_id = {sku.sku_id: sku for sku in stock}
    return any(opens_mailbox(by_id[state.sku_id], state) for state in account.licences)


def names_on(stock: tuple[Sku, ...], licences: tuple[LicenceState, ...]) -> frozenset[str]:
    """Names of the user's plans that are on."""
    by_id = {sku.sku_id: sku for sku in stock}
    return frozenset(
        plan.name
        for state in licences
        for plan in user_plans(by_id[state.sku_id])
        if plan.plan_id not in state.disabled_plan_ids
    )


def is_sound(names: Names) -> bool:
    """No plan without what it needs, no two that exclude each other."""
    return all(
        PARENTS_BY_NAME[name] & names for name in names if name in PARENTS_BY_NAME
    ) and not any(pair <= names for pair in EXCLUSIVE_PLANS)


@MANY
@given(cases())
def test_nobody_is_left_without_a_mailbox_and_no_seat_is_given_twice(
    case: tuple[tuple[Sku, ...], Account, LicenceWish],
) -> None:
    """The promises of the planner, whatever the vendor sells."""
    stock, who, wish = case
    planned = plan_licence(stock, who, wish)
    if isinstance(planned, LicenceRefusal):
        return
    after = applied(who, planned)
    target = next(sku for sku in stock if sku.part_number == wish.cohort.licence)

    assert is_open(stock, after)
    assert not takes_seat(who, planned) or target.assignable_count > 0
    assert not planned.add or who.usage_location
    assert all(given.sku_id == target.sku_id for given in planned.add)
    if planned.add and is_sound(names_on(stock, who.licences)):
        assert is_sound(names_on(stock, after.licences))


@MANY
@given(cases())
def test_the_change_once_made_leaves_nothing_to_change(
    case: tuple[tuple[Sku, ...], Account, LicenceWish],
) -> None:
    """Steps are repeated; a planner that never comes to rest would write for ever."""
    stock, who, wish = case
    planned = plan_licence(stock, who, wish)
    if isinstance(planned, LicenceRefusal):
        return

    assert plan_licence(stock, applied(who, planned), wish) == LicenceChange()


@MANY
@given(cases())
def test_every_refusal_says_why(case: tuple[tuple[Sku, ...], Account, LicenceWish]) -> None:
    """A code without its cause sends a person to the wrong page."""
    stock, who, wish = case
    planned = plan_licence(stock, who, wish)
    if not isinstance(planned, LicenceRefusal):
        return
    target = next(sku for sku in stock if sku.part_number == wish.cohort.licence)
    is_true = {
        Code.LICENCE_WITHOUT_MAILBOX: not mailbox_plans(target),
        Code.USAGE_LOCATION_INVALID: not who.usage_location,
        Code.NO_SEAT: target.assignable_count == 0,
        Code.LICENCE_INHERITED: any(state.by_group for state in who.licences),
        Code.PLAN_CONFLICT: any("TEAMS_FREE" in names_of(sku) for sku in stock),
        Code.PLAN_DEPENDENCY: any(names_of(sku) & set(PARENTS_BY_NAME) for sku in stock),
    }

    assert is_true[planned.code]
    assert planned.detail


def names_of(sku: Sku) -> set[str]:
    """Names of all plans of a product."""
    return {plan.name for plan in sku.service_plans}


@MANY
@given(cases())
def test_no_smaller_change_would_do(case: tuple[tuple[Sku, ...], Account, LicenceWish]) -> None:
    """Every other change that fulfils the wish switches as much on, or more, and moves as many licences."""
    stock, who, wish = case
    planned = plan_licence(stock, who, wish)
    if isinstance(planned, LicenceRefusal) or not is_sound(names_on(stock, who.licences)):
        return
    target = next(sku for sku in stock if sku.part_number == wish.cohort.licence)
    found = [
        cost(target, change)
        for change in every_change(stock, who, target)
        if fulfils(stock, who, change, wish)
    ]

    assert found
    assert cost(target, planned) == min(found)


@MANY
@given(cases())
def test_nothing_is_refused_that_could_be_done(
    case: tuple[tuple[Sku, ...], Account, LicenceWish],
) -> None:
    """A planner that refuses too much sets healthy mailboxes aside, and keeps every promise while it does."""
    stock, who, wish = case
    planned = plan_licence(stock, who, wish)
    if not isinstance(planned, LicenceRefusal) or not is_sound(names_on(stock, who.licences)):
        return
    if planned.code in {Code.LICENCE_INHERITED, Code.LICENCE_WITHOUT_MAILBOX}:
        # What a group gives is left to the group, also where a licence beside it would do; and a cohort whose licence
        # opens no mailbox is a mistake of the plan, also for somebody who would keep another.
        return
    target = next(sku for sku in stock if sku.part_number == wish.cohort.licence)
    possible = [
        change
        for change in every_change(stock, who, target)
        if may_be_made(target, who, change) and fulfils(stock, who, change, wish)
    ]

    assert possible == [], planned


def may_be_made(target: Sku, who: Account, change: LicenceChange) -> bool:
    """Whether the directory takes it: a licence needs a country, and a new one a seat."""
    is_seated = not takes_seat(who, change) or target.assignable_count > 0
    return is_seated and bool(who.usage_location or not change.add)


def every_change(stock: tuple[Sku, ...], who: Account, target: Sku) -> Iterator[LicenceChange]:
    """All changes there are: any direct licences gone, the target as it is or with any of its plans off."""
    direct = [s.sku_id for s in who.licences if not s.by_group and s.sku_id != target.sku_id]
    plans = [plan.plan_id for plan in user_plans(target)]
    for gone in subsets(direct):
        yield LicenceChange((), gone)
        for off in subsets(plans):
            yield LicenceChange((Assignment(target.sku_id, tuple(sorted(off))),), gone)


def subsets(items: list[str]) -> Iterator[tuple[str, ...]]:
    """Every choice of some of them."""
    for count in range(len(items) + 1):
        yield from itertools.combinations(items, count)


def cost(target: Sku, change: LicenceChange) -> tuple[int, int, int]:
    """Licences moved, whether anything is written about the target, plans on in it."""
    on = sum(len(user_plans(target)) - len(given.disabled_plan_ids) for given in change.add)
    return len(change.remove), len(change.add), on


def fulfils(stock: tuple[Sku, ...], who: Account, change: LicenceChange, wish: LicenceWish) -> bool:
    """The wish, said as what has to be true afterwards."""
    by_id = {sku.sku_id: sku for sku in stock}
    target = next(sku for sku in stock if sku.part_number == wish.cohort.licence)
    after = applied(who, change)
    others = [state for state in who.licences if state.sku_id != target.sku_id]
    if wish.cohort.mode is LicenceMode.KEEP and any(
        opens_mailbox(by_id[state.sku_id], state) for state in others
    ):
        return change == LicenceChange()
    must_go = {state.sku_id for state in others if _must_go(by_id, state, wish.cohort)}
    if set(change.remove) != must_go or not is_open(stock, after):
        return False
    given_by_group = any(
        state.by_group and opens_mailbox(target, state)
        for state in who.licences
        if state.sku_id == target.sku_id
    )
    held = next((s for s in who.licences if s.sku_id == target.sku_id and not s.by_group), None)
    if given_by_group and held is None:
        return not change.add
    mine = next((s for s in after.licences if s.sku_id == target.sku_id and not s.by_group), None)
    if mine is None or not opens_mailbox(target, mine):
        return False
    on = {p.name for p in user_plans(target) if p.plan_id not in mine.disabled_plan_ids}
    used = tuple(
        state
        for state in who.licences
        if not state.by_group and state.sku_id in {target.sku_id, *must_go}
    )
    kept = set() if wish.is_after else names_on(stock, used)
    rest = tuple(state for state in after.licences if state is not mine)
    elsewhere = names_on(stock, rest)
    return is_sound(on | elsewhere) and _is_wished(target, wish, kept, on, elsewhere)


def _must_go(by_id: dict[str, Sku], state: LicenceState, cohort: CohortPlan) -> bool:
    if cohort.mode is not LicenceMode.REPLACE:
        return False
    if cohort.replaces:
        return by_id[state.sku_id].part_number in cohort.replaces
    return not state.by_group and opens_mailbox(by_id[state.sku_id], state)


def _is_wished(target: Sku, wish: LicenceWish, used: Names, on: Names, elsewhere: Names) -> bool:
    """What the cohort names is on; before the migration so is what was used, after it nothing else but parents."""
    names = {plan.name for plan in user_plans(target)}
    wished = set(wish.cohort.services_after if wish.is_after else wish.cohort.services_first)
    if "*" in wished:
        return on == names
    mailboxes = {plan.name for plan in mailbox_plans(target)}
    kept = used & names
    has_mailbox = not wish.is_after and kept & mailboxes
    wanted = (wished & names) | kept | (set() if has_mailbox else mailboxes)
    return wanted <= on and all(not is_sound((on | elsewhere) - {more}) for more in on - wanted)
