"""Licences as the tenant sells them: products, their service plans, and the rules of giving them to a user.

Source: Microsoft Entra "Product names and service plan identifiers for licensing" for the identifiers; Microsoft Graph
"user: assignLicense" and "Resolve group license assignment problems" for the rules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sandbox.world import directory_errors as no


@dataclass(frozen=True)
class Plan:
    """One service plan: what a licence switches on."""

    name: str
    plan_id: str
    service: str
    applies_to: str = "User"
    provisioning_status: str = "Success"


@dataclass(frozen=True)
class Seats:
    """How many licences were bought, by the state of the subscription."""

    enabled: int = 0
    warning: int = 0
    suspended: int = 0
    locked_out: int = 0

    def assignable(self) -> int:
        """Those in the grace period still count, the others do not."""
        return self.enabled + self.warning

    def capability_status(self) -> str:
        """The state of the subscription, the liveliest of its units'."""
        if self.enabled:
            return "Enabled"
        if self.warning:
            return "Warning"
        return "LockedOut" if self.locked_out else "Suspended"


@dataclass(frozen=True)
class Product:
    """One product (SKU): a part number and its plans."""

    sku_id: str
    part_number: str
    plans: tuple[Plan, ...]

    def plan_ids(self) -> frozenset[str]:
        """The identifiers of all its plans."""
        return frozenset(plan.plan_id for plan in self.plans)


@dataclass(frozen=True)
class Licence:
    """One product given to one user: directly, or through a group."""

    sku_id: str
    disabled_plans: frozenset[str]
    updated_utc: datetime
    group_id: str | None = None
    state: str = "Active"
    error: str = "None"


EXCHANGE_S_STANDARD = Plan(
    "EXCHANGE_S_STANDARD", "9aaf7827-d63c-4b61-89c3-182f06f82e5c", "exchange"
)
EXCHANGE_S_ENTERPRISE = Plan(
    "EXCHANGE_S_ENTERPRISE", "efb87545-963c-4e0d-99df-69c6916d9eb0", "exchange"
)
TEAMS1 = Plan("TEAMS1", "57ff2da0-773e-42df-b2af-ffb7a2317929", "TeamspaceAPI")
MCOSTANDARD = Plan(
    "MCOSTANDARD", "0feaeb32-d00e-4d66-bd5a-43b5b83db82c", "MicrosoftCommunicationsOnline"
)
SHAREPOINTSTANDARD_EDU = Plan(
    "SHAREPOINTSTANDARD_EDU", "0a4983bb-d3e5-4a09-95d8-b2d0127b3df5", "SharePoint"
)
SHAREPOINTWAC_EDU = Plan("SHAREPOINTWAC_EDU", "e03c7e47-402c-463c-ab25-949079bedb21", "SharePoint")
SHAREPOINTENTERPRISE = Plan(
    "SHAREPOINTENTERPRISE", "5dbe027f-2339-4123-9542-606e4d348a72", "SharePoint"
)
SHAREPOINTWAC = Plan("SHAREPOINTWAC", "e95bec33-7c88-4a70-8e19-b10bd9d0c014", "SharePoint")
OFFICESUBSCRIPTION = Plan(
    "OFFICESUBSCRIPTION", "43de0ff5-c92c-492b-9116-175376d08c38", "MicrosoftOffice"
)
YAMMER_EDU = Plan("YAMMER_EDU", "2078e8df-cff6-4290-98cb-5408261a760a", "YammerEnterprise")
YAMMER_ENTERPRISE = Plan(
    "YAMMER_ENTERPRISE", "7547a3fe-08ee-4ccb-b430-5077c5041653", "YammerEnterprise"
)
SWAY = Plan("SWAY", "a23b959c-7ce8-4e57-9140-b90eb88a9e97", "Sway")
PLANNER = Plan(
    "PROJECTWORKMANAGEMENT", "b737dad2-2f6c-4c65-90e3-ca563267e8b9", "ProjectWorkManagement"
)
FORMS = Plan("OFFICE_FORMS_PLAN_2", "9b5de886-f035-4ff2-b3d8-c9127bea3620", "OfficeForms")
SCHOOL_DATA_SYNC_P1 = Plan(
    "SCHOOL_DATA_SYNC_P1", "c33802dd-1b50-4b9a-8bb9-f13d2cdeadac", "SchoolDataSync"
)
AAD_BASIC_EDU = Plan("AAD_BASIC_EDU", "1d0f309f-fdf9-4b2a-9ae7-9c48b91f1426", "AADPremiumService")
# An administrator must activate it once, hence its state in every tenant that has not.
INTUNE_O365 = Plan(
    "INTUNE_O365", "882e1d05-acd1-4ccb-8708-6ee03664b117", "SCO", "Company", "PendingActivation"
)
BPOS_S_TODO_1 = Plan("BPOS_S_TODO_1", "5e62787c-c316-451f-b873-1d05acd4d12c", "To-Do")

_A1_PLANS = (
    EXCHANGE_S_STANDARD,
    TEAMS1,
    MCOSTANDARD,
    SHAREPOINTSTANDARD_EDU,
    SHAREPOINTWAC_EDU,
    YAMMER_EDU,
    INTUNE_O365,
    SWAY,
    PLANNER,
    FORMS,
    SCHOOL_DATA_SYNC_P1,
    AAD_BASIC_EDU,
)
CATALOGUE = (
    Product("314c4481-f395-4525-be8b-2ec4bb1e9d91", "STANDARDWOFFPACK_STUDENT", _A1_PLANS),
    Product("94763226-9b3c-4e75-a931-5c89701abe66", "STANDARDWOFFPACK_FACULTY", _A1_PLANS),
    Product(
        "6fd2c87f-b296-42f0-b197-1e91e994b900",
        "ENTERPRISEPACK",
        (
            EXCHANGE_S_ENTERPRISE,
            TEAMS1,
            MCOSTANDARD,
            SHAREPOINTENTERPRISE,
            SHAREPOINTWAC,
            OFFICESUBSCRIPTION,
            YAMMER_ENTERPRISE,
            INTUNE_O365,
            SWAY,
            PLANNER,
            FORMS,
        ),
    ),
    Product(
        "4b9405b0-7788-4568-add1-99614e613b69",
        "EXCHANGESTANDARD",
        (EXCHANGE_S_STANDARD, INTUNE_O365, BPOS_S_TODO_1),
    ),
)
MAILBOX_PLANS = frozenset({EXCHANGE_S_STANDARD.plan_id, EXCHANGE_S_ENTERPRISE.plan_id})
# Any one of the parents is enough. The service has no call that lists these.
PLAN_PARENTS: Mapping[str, tuple[str, ...]] = {
    SHAREPOINTWAC_EDU.plan_id: (SHAREPOINTSTANDARD_EDU.plan_id,),
    SHAREPOINTWAC.plan_id: (SHAREPOINTENTERPRISE.plan_id,),
}


@dataclass(frozen=True)
class LicenceChange:
    """What one call of assignLicense asks for."""

    add: Mapping[str, frozenset[str]]
    remove: frozenset[str]


@dataclass
class Shelf:
    """What the tenant bought: products by identifier, and their seats.

    `exclusive_plans` are pairs that cannot be on together; `company_plans_refused` decides whether a plan of the whole
    company may stand in `disabledPlans`, which the vendor's pages leave open.
    """

    products: dict[str, Product]
    seats: dict[str, Seats]
    exclusive_plans: frozenset[frozenset[str]] = frozenset()
    company_plans_refused: bool = False

    @classmethod
    def stocked(cls, seats_each: int = 1000) -> "Shelf":
        """The whole catalogue, with the same number of seats of each."""
        products = {product.sku_id: product for product in CATALOGUE}
        return cls(products, {sku_id: Seats(enabled=seats_each) for sku_id in products})

    def by_part_number(self, part_number: str) -> Product:
        """The product of that name."""
        return next(p for p in self.products.values() if p.part_number == part_number)

    def enabled_plans(self, licences: Iterable[Licence]) -> frozenset[str]:
        """The plans these licences switch on together."""
        on: set[str] = set()
        for licence in licences:
            if licence.state == "Active":
                on |= self.products[licence.sku_id].plan_ids() - licence.disabled_plans
        return frozenset(on)

    def check_known(self, change: LicenceChange) -> None:
        """Every product was bought, every plan to switch off is one of its plans."""
        for sku_id, disabled in change.add.items():
            product = self.products.get(sku_id)
            if product is None:
                raise no.unknown_licence(sku_id)
            allowed = {
                plan.plan_id
                for plan in product.plans
                if plan.applies_to == "User" or not self.company_plans_refused
            }
            for plan_id in sorted(disabled - allowed):
                raise no.foreign_plan(plan_id, sku_id)

    def check_plans(self, licences: Iterable[Licence]) -> None:
        """No plan is on without the one it needs, and no two that exclude each other."""
        on = self.enabled_plans(licences)
        for child, parents in PLAN_PARENTS.items():
            if child in on and not on.intersection(parents):
                raise no.plan_dependency(child, parents)
        for pair in self.exclusive_plans:
            if pair <= on:
                first, second = sorted(pair)
                raise no.plan_conflict(first, second)


def after_change(
    licences: tuple[Licence, ...], change: LicenceChange, now_utc: datetime
) -> tuple[Licence, ...]:
    """The user's licences once the change is made; what groups gave stays as it is.

    Raises:
        DirectoryRefused: a licence to remove comes from a group, or is not there.
    """
    direct = {licence.sku_id: licence for licence in licences if licence.group_id is None}
    inherited = tuple(licence for licence in licences if licence.group_id is not None)
    for sku_id in sorted(change.remove):
        if sku_id in direct:
            del direct[sku_id]
        elif any(licence.sku_id == sku_id for licence in inherited):
            raise no.group_managed()
        else:
            raise no.not_licensed()
    for sku_id, disabled in change.add.items():
        held = direct.get(sku_id)
        if held and held.disabled_plans == disabled:
            continue  # asked again for what is so already: not even the date changes
        fresh = Licence(sku_id, disabled, now_utc)
        direct[sku_id] = (
            replace(held, disabled_plans=disabled, updated_utc=now_utc) if held else fresh
        )
    return (*direct.values(), *inherited)
