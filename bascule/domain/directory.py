"""Accounts, licences and service plans as the directory shows them, and the one change of licences it takes."""

from dataclasses import dataclass, field

# Service plans that hold a mailbox. EXCHANGE_S_FOUNDATION and the archive plans do not.
# Source: "Product names and service plan identifiers for licensing", Microsoft Learn.
MAILBOX_PLAN_NAMES = frozenset(
    {
        "EXCHANGE_S_STANDARD",
        "EXCHANGE_S_ENTERPRISE",
        "EXCHANGE_S_DESKLESS",
        "EXCHANGE_S_ESSENTIALS",
        "EXCHANGE_L_STANDARD",
        "EXCHANGE_S_STANDARD_MIDMARKET",
        "EXCHANGE_S_STANDARD_GOV",
        "EXCHANGE_S_ENTERPRISE_GOV",
        "EXCHANGE_S_DESKLESS_GOV",
    }
)
# Of a subscription: in the grace period licences can still be given. Source: "licenseAssignmentState", "subscribedSku".
ASSIGNABLE_STATES = frozenset({"Enabled", "Warning"})


@dataclass(frozen=True)
class ServicePlan:
    """One service inside a SKU; only those that apply to users can be switched."""

    plan_id: str
    name: str
    applies_to_user: bool


@dataclass(frozen=True)
class Sku:
    """One product the tenant has bought, with its seats."""

    sku_id: str
    part_number: str
    enabled_count: int
    consumed_count: int
    service_plans: tuple[ServicePlan, ...]
    warning_count: int = 0
    """Expired, in the grace period: still given, and gone when it ends."""
    suspended_count: int = 0
    """Cancelled: not given any more, and back when somebody pays."""
    locked_out_count: int = 0
    """The last state before deletion."""
    state: str = "Enabled"
    """Of the subscription: Enabled, Warning, Suspended, LockedOut or Deleted."""

    @property
    def free_count(self) -> int:
        """Seats that can be planned with; seats in their grace period are left out on purpose."""
        return max(0, self.enabled_count - self.consumed_count)

    @property
    def assignable_count(self) -> int:
        """Seats that the directory would give now, those in the grace period among them."""
        if self.state not in ASSIGNABLE_STATES:
            return 0
        return max(0, self.enabled_count + self.warning_count - self.consumed_count)


@dataclass(frozen=True)
class LicenceState:
    """One assignment of a SKU to an account; `by_group` is the group's id, empty when direct."""

    sku_id: str
    disabled_plan_ids: tuple[str, ...]
    by_group: str = ""
    is_active: bool = True
    error: str = ""


@dataclass(frozen=True)
class Assignment:
    """One SKU given directly, with the whole list of plans that are off; a plan left out is on."""

    sku_id: str
    disabled_plan_ids: tuple[str, ...] = ()
    """Sorted."""


@dataclass(frozen=True)
class LicenceChange:
    """What one call changes, all of it or nothing; empty: nothing to do."""

    add: tuple[Assignment, ...] = ()
    remove: tuple[str, ...] = ()
    """SKU ids of direct assignments."""

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)


@dataclass(frozen=True)
class Account:
    """A user of the tenant."""

    account_id: str
    address: str
    """The user principal name, lower case."""
    is_enabled: bool
    usage_location: str
    licences: tuple[LicenceState, ...]
    addresses: tuple[str, ...] = ()
    """Every SMTP address, lower case, the primary one first; empty until Exchange has stamped them."""

    def holds(self, sku_id: str) -> LicenceState | None:
        """The assignment of this SKU; a direct one before one that comes from a group."""
        found = [state for state in self.licences if state.sku_id == sku_id]
        return min(found, key=lambda state: bool(state.by_group), default=None)


@dataclass(frozen=True)
class DeletedAccount:
    """A user who was deleted and can still be restored."""

    account_id: str
    display_name: str
    addresses: tuple[str, ...]
    """Lower case, the former user principal name first."""


@dataclass(frozen=True)
class NewAccount:
    """What it takes to create an account."""

    address: str
    display_name: str
    usage_location: str
    password: str = field(repr=False)
    must_change_password: bool = False
    """Whether the first sign-in asks for another one; mail programs cannot, and fail until then."""
    has_password_complexity: bool = True
    """False: the account is freed from the rule of three classes of characters."""
    language: str = ""
    """Preferred language such as `fr-FR`; empty: the tenant's."""


def mailbox_plans(sku: Sku) -> tuple[ServicePlan, ...]:
    """The plans of a SKU that open a mailbox; empty when it has none."""
    return tuple(plan for plan in sku.service_plans if plan.name in MAILBOX_PLAN_NAMES)


def user_plans(sku: Sku) -> tuple[ServicePlan, ...]:
    """The plans of a SKU that can be switched for one user."""
    return tuple(plan for plan in sku.service_plans if plan.applies_to_user)
