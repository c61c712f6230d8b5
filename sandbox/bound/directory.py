"""The directory port, on the world's tenant."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from bascule.domain.addresses import local_part, normal_address
from bascule.domain.codes import Code
from bascule.domain.directory import (
    Account,
    DeletedAccount,
    LicenceChange,
    LicenceState,
    NewAccount,
    ServicePlan,
    Sku,
)
from bascule.domain.errors import BasculeError, NotYet
from bascule.domain.licences import LocationRefused
from bascule.domain.service_plans import PlanNeedsAnother
from sandbox.bound.graph_call import REPLICATION_WAIT_S, graph_call
from sandbox.faces.graph_licences import LICENCE_WRITERS, ORGANIZATION_READERS
from sandbox.faces.graph_mailbox import SETTINGS_READERS
from sandbox.faces.graph_users import PASSWORD_WRITER, USER_READERS, USER_WRITERS
from sandbox.world.directory import User
from sandbox.world.directory_errors import DirectoryRefused, Reason
from sandbox.world.licences import LicenceChange as WorldChange
from sandbox.world.licences import Product
from sandbox.world.world import World

# "List users": at most 999 a page.
PAGE_SIZE = 999
PLAN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NICKNAME_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class WorldDirectory:
    """Implements `bascule.ports.directory.Directory`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._directory = world.tenant.directory

    def licence_stock(self, age_max_s: float = 0.0) -> tuple[Sku, ...]:
        """Every product with its seats; never an old answer."""
        del age_max_s
        with graph_call(self._world, "graph.GET subscribedSkus", ORGANIZATION_READERS):
            return tuple(self._sku(product) for product in self._directory.shelf.products.values())

    def find_account(self, address: str) -> Account | None:
        """The account of that name, as one of the replicas shows it."""
        wanted = normal_address(address)
        with graph_call(self._world, "graph.GET users", USER_READERS):
            user = self._seen(wanted)
            return _account(user) if user and user.upn.lower() == wanted else None

    def verified_domains(self) -> Mapping[str, str]:
        """The verified domains, and how their users sign in."""
        with graph_call(self._world, "graph.GET organization", ORGANIZATION_READERS):
            domains = self._directory.domains.all()
            return {each.name: each.authentication_type for each in domains if each.is_verified}

    def is_synchronised(self) -> bool:
        """Whether somebody has set up the synchronisation."""
        with graph_call(self._world, "graph.GET organization", ORGANIZATION_READERS):
            return self._world.tenant.is_synchronised is True

    def accounts(self) -> Iterator[Account]:
        """Every user a replica shows; a call for each page of them."""
        with graph_call(self._world, "graph.GET users", USER_READERS):
            users = self._directory.users()
        for _ in range(PAGE_SIZE, len(users), PAGE_SIZE):
            with graph_call(self._world, "graph.GET users", USER_READERS):
                pass
        return map(_account, users)

    def holders_of(self, address: str) -> tuple[Account, ...]:
        """Who has this proxy address, as a replica shows it."""
        wanted = normal_address(address)
        with graph_call(self._world, "graph.GET users", USER_READERS):
            found = map(_account, self._directory.users())
            return tuple(account for account in found if wanted in account.addresses)

    def deleted_accounts(self, age_max_s: float = 0.0) -> tuple[DeletedAccount, ...]:
        """Accounts that can be restored; never an old answer."""
        del age_max_s
        with graph_call(self._world, "graph.GET directory/deletedItems", USER_READERS):
            return tuple(
                DeletedAccount(
                    user.user_id,
                    user.display_name,
                    tuple(dict.fromkeys((normal_address(user.upn), *_smtp_addresses(user)))),
                )
                for user in self._directory.deleted()
            )

    def create_account(self, new: NewAccount) -> Account:
        """A new account; its country goes with it."""
        draft = User(
            user_id="",
            upn=new.address,
            display_name=new.display_name,
            mail_nickname=NICKNAME_UNSAFE.sub("", local_part(new.address)).strip("."),
            created_utc=self._world.kernel.now_utc(),
            password=new.password,
            password_change_forced=new.must_change_password,
            password_policies=None if new.has_password_complexity else "DisableStrongPassword",
            usage_location=new.usage_location or None,
            attributes=(("preferredLanguage", new.language),) if new.language else (),
        )
        with graph_call(
            self._world, "graph.POST users", USER_WRITERS, fallback=Code.ACCOUNT_INVALID
        ):
            return _account(self._directory.create(draft))

    def set_password(self, account_id: str, password: str, *, must_change: bool) -> None:
        """Another password; administrators' are refused to an app without a directory role."""
        with graph_call(
            self._world,
            "graph.PATCH users",
            frozenset({PASSWORD_WRITER}),
            fallback=Code.PASSWORD_REFUSED,
        ):
            self._directory.set_password(account_id, password, must_change=must_change)

    def set_usage_location(self, account_id: str, usage_location: str) -> None:
        """Set the country."""
        with graph_call(
            self._world, "graph.PATCH users", USER_WRITERS, fallback=Code.USAGE_LOCATION_INVALID
        ):
            self._directory.update(
                account_id, lambda user: replace(user, usage_location=usage_location)
            )

    def change_licences(self, account_id: str, change: LicenceChange) -> None:
        """Give and take products in one evaluation."""
        wanted = WorldChange(
            {given.sku_id: frozenset(given.disabled_plan_ids) for given in change.add},
            frozenset(change.remove),
        )
        with graph_call(
            self._world, "graph.POST assignLicense", LICENCE_WRITERS, fallback=Code.LICENCE_REFUSED
        ):
            try:
                self._directory.assign(account_id, wanted)
            except DirectoryRefused as no:
                known = _licence_error(no)
                if known is None:
                    raise
                raise known from no

    def is_mailbox_open(self, account_id: str) -> bool:
        """Whether the mailbox service answers."""
        with graph_call(self._world, "graph.GET mailboxSettings", SETTINGS_READERS):
            user = self._seen(account_id)
            return user is not None and self._is_ready(user)

    def _is_ready(self, user: User) -> bool:
        return self._world.tenant.provisioning.why_not_ready(user.user_id) is None

    def _seen(self, name: str) -> User | None:
        try:
            return self._directory.user(name)
        except DirectoryRefused as no:
            if no.reason is Reason.NOT_FOUND:
                return None
            raise

    def _sku(self, product: Product) -> Sku:
        seats = self._directory.shelf.seats[product.sku_id]
        return Sku(
            sku_id=product.sku_id,
            part_number=product.part_number,
            enabled_count=seats.enabled,
            consumed_count=self._directory.consumed(product.sku_id),
            service_plans=tuple(
                ServicePlan(plan.plan_id, plan.name, plan.applies_to == "User")
                for plan in product.plans
            ),
            warning_count=seats.warning,
            suspended_count=seats.suspended,
            locked_out_count=seats.locked_out,
            state=seats.capability_status(),
        )


def _licence_error(no: DirectoryRefused) -> BasculeError | None:
    """What the product calls a refused change; None when the common table says it."""
    if no.reason is Reason.USAGE_LOCATION:
        return LocationRefused(no.message)
    if no.reason is Reason.NOT_LICENSED:
        return NotYet(REPLICATION_WAIT_S, no.message)
    if no.reason is Reason.PLAN_DEPENDENCY:
        child, *parents = PLAN_ID.findall(no.message)
        return PlanNeedsAnother(no.message, child, tuple(parents))
    return None


def _account(user: User) -> Account:
    return Account(
        account_id=user.user_id,
        address=normal_address(user.upn),
        is_enabled=user.account_enabled,
        usage_location=user.usage_location or "",
        licences=tuple(
            LicenceState(
                sku_id=licence.sku_id,
                disabled_plan_ids=tuple(sorted(licence.disabled_plans)),
                by_group=licence.group_id or "",
                is_active=licence.state in ("Active", "ActiveWithError"),
                error="" if licence.error == "None" else licence.error,
            )
            for licence in user.licences
        ),
        addresses=_smtp_addresses(user),
    )


def _smtp_addresses(user: User) -> tuple[str, ...]:
    ordered = sorted(user.proxy_addresses, key=lambda proxy: not proxy.startswith("SMTP:"))
    return tuple(proxy.partition(":")[2].lower() for proxy in ordered)
