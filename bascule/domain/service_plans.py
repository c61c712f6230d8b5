"""What service plans need and what they exclude. The directory has no call that lists it.

These are the pairs that administrators report; what is missing here the directory tells by refusing, and the refusal
names both plans. Exchange Online Plan 1 and Plan 2 excluded each other once and may now be on together.
Source: Microsoft Learn, "Resolve group license assignment problems in Microsoft Entra ID".
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from bascule.domain.codes import Code
from bascule.domain.directory import MAILBOX_PLAN_NAMES, Sku
from bascule.domain.errors import Refusal

Parents = Mapping[str, frozenset[str]]
"""{plan: plans of which it needs one}, by id or by name."""

PARENTS_BY_NAME: Parents = MappingProxyType(
    {
        "SHAREPOINTWAC": frozenset({"SHAREPOINTSTANDARD", "SHAREPOINTENTERPRISE"}),
        "SHAREPOINTWAC_EDU": frozenset({"SHAREPOINTSTANDARD_EDU", "SHAREPOINTENTERPRISE_EDU"}),
        "SHAREPOINT_PROJECT": frozenset({"SHAREPOINTENTERPRISE"}),
        "MCOEV": frozenset({"TEAMS1", "MCOSTANDARD"}),
        "ATP_ENTERPRISE": MAILBOX_PLAN_NAMES,
    }
)
EXCLUSIVE_PLANS = (frozenset({"TEAMS_FREE", "TEAMS1"}),)


class PlanNeedsAnother(Refusal):
    """The directory refuses a change because of a dependency; it names the plans, and only then do we know them."""

    def __init__(self, detail: str, child_id: str, parent_ids: tuple[str, ...]) -> None:
        super().__init__(Code.PLAN_DEPENDENCY, detail)
        self.child_id = child_id
        self.parent_ids = parent_ids


class PlanUnmet(Exception):
    """A plan that is wanted needs another one that cannot be switched on."""

    def __init__(self, child: str, parents: frozenset[str]) -> None:
        super().__init__(child)
        self.child = child
        self.parents = parents


def known_parents(stock: Iterable[Sku], learned: Parents) -> Parents:
    """The dependencies between plans of this tenant by id: those we know by name, and those it has told of."""
    plans = [plan for sku in stock for plan in sku.service_plans]
    ids: dict[str, set[str]] = {}
    for plan in plans:
        ids.setdefault(plan.name, set()).add(plan.plan_id)
    known = {
        plan.plan_id: frozenset(
            plan_id for name in PARENTS_BY_NAME[plan.name] for plan_id in ids.get(name, ())
        )
        for plan in plans
        if plan.name in PARENTS_BY_NAME
    }
    return {**known, **learned}


def with_parents(
    wanted: frozenset[str], elsewhere: frozenset[str], can_be_on: frozenset[str], parents: Parents
) -> frozenset[str]:
    """The smallest set around `wanted` in which every plan has what it needs.

    `elsewhere` is on through other licences; only plans of `can_be_on` can be added.

    Raises:
        PlanUnmet: no plan that could be added would do.
    """
    unmet = sorted(
        plan
        for plan in wanted | elsewhere
        if plan in parents and not parents[plan] & (wanted | elsewhere)
    )
    if not unmet:
        return wanted
    child = unmet[0]
    found: list[frozenset[str]] = []
    for parent in sorted(parents[child] & can_be_on):
        # Ends: each turn adds a plan, and there are only so many.
        try:
            found.append(with_parents(wanted | {parent}, elsewhere, can_be_on, parents))
        except PlanUnmet:
            continue
    if not found:
        raise PlanUnmet(child, parents[child])
    return min(found, key=lambda plans: (len(plans), sorted(plans)))
