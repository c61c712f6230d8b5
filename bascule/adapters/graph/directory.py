"""The directory port over Microsoft Graph.

Source: Microsoft Learn, "List subscribedSkus", "Create user", "Get a user", "Update user", "user: assignLicense",
"Get user mailbox settings", "licenseAssignmentState resource type".
"""

import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from types import ModuleType
from typing import Any
from uuid import UUID

from bascule.adapters.graph.client import GraphClient
from bascule.adapters.graph.errors import (
    REPLICATION_WAIT_S,
    GraphMissing,
    GraphRefused,
    Meaning,
)
from bascule.domain.addresses import local_part, mailbox_key, normal_address
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
from bascule.domain.errors import NotYet, Refusal, Unreachable
from bascule.domain.licences import LocationRefused
from bascule.domain.service_plans import PlanNeedsAnother

# "Create user": at most 64 characters; what lies outside this set has been refused.
NICKNAME_LENGTH_MAX = 64
_NICKNAME_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
ACTIVE_STATES = frozenset({"Active", "ActiveWithError"})
# 999 accounts a page: half a million, ten times the largest batch.
PAGE_COUNT_MAX = 500
# The name of a deleted account begins with its identifier, without hyphens, so that the name is free again.
_DELETED_PREFIX = re.compile(r"^[0-9a-f]{32}(?=.)")


Json = dict[str, Any]


class GraphDirectory:
    """Implements `bascule.ports.directory.Directory`."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client
        self._stock: tuple[Sku, ...] = ()
        self._stock_read_s = -math.inf
        self._stock_lock = threading.Lock()
        self._deleted: tuple[DeletedAccount, ...] = ()
        self._deleted_read_s = -math.inf
        self._deleted_lock = threading.Lock()

    def licence_stock(self, age_max_s: float = 0.0) -> tuple[Sku, ...]:
        """GET /subscribedSkus; asked by many at once with some age allowed, once for all of them."""
        if age_max_s <= 0:
            return self._read_stock()
        with self._stock_lock:
            if time.monotonic() - self._stock_read_s > age_max_s:
                self._stock, self._stock_read_s = self._read_stock(), time.monotonic()
            return self._stock

    def find_account(self, address: str) -> Account | None:
        """GET /users/{user principal name}; only "resource not found" means that there is none."""
        wanted = normal_address(address)
        if not wanted:
            raise ValueError("an account is looked for by its address, which is empty")
        try:
            found = self._read(wanted)
        except GraphMissing as missing:
            if missing.meaning is Meaning.OBJECT_MISSING:
                return None
            raise
        return found if found.address == wanted else None

    def verified_domains(self) -> Mapping[str, str]:
        """GET /organization: its list of verified domains, for which no permission on domains is needed."""
        found = self._listed("read the organization", self._calls.organization)
        return {
            str(domain.get("name") or "").lower(): str(domain.get("type") or "")
            for organization in found
            for domain in organization.get("verifiedDomains") or ()
        }

    def is_synchronised(self) -> bool:
        """GET /organization: onPremisesSyncEnabled is true, false when it was once, null when it never was."""
        found = self._listed("read the organization", self._calls.organization)
        return any(organization.get("onPremisesSyncEnabled") is True for organization in found)

    def accounts(self) -> Iterator[Account]:
        """GET /users."""
        return map(_account, self._listed("list the accounts", self._calls.accounts))

    def holders_of(self, address: str) -> tuple[Account, ...]:
        """GET /users, filtered by proxy address; an answer about somebody else counts as none."""
        wanted = normal_address(address)
        ask = partial(_holders, self._calls, wanted)
        found = map(_account, self._listed(f"look for who has {wanted}", ask))
        return tuple(account for account in found if wanted in account.addresses)

    def deleted_accounts(self, age_max_s: float = 0.0) -> tuple[DeletedAccount, ...]:
        """GET /directory/deletedItems/microsoft.graph.user; asked by many at once, once for all of them."""
        with self._deleted_lock:
            if time.monotonic() - self._deleted_read_s > age_max_s:
                entries = self._listed("list the deleted accounts", self._calls.deleted)
                self._deleted = tuple(map(_deleted, entries))
                self._deleted_read_s = time.monotonic()
            return self._deleted

    def create_account(self, new: NewAccount) -> Account:
        """POST /users. The answer is believed: a read right after it may miss the account."""
        doing = f"create the account {new.address}"
        made = self._client.call(
            doing,
            lambda graph: self._calls.new_account(graph, new, nickname(new.address)),
            fallback=Code.ACCOUNT_INVALID,
            may_quote=False,
        )
        account_id = str(_with(made, "id", doing)["id"])
        return Account(account_id, normal_address(new.address), True, new.usage_location, ())

    def set_password(self, account_id: str, password: str, *, must_change: bool) -> None:
        """PATCH /users/{id}, the password's profile and nothing else: other properties take other permissions."""
        self._client.call(
            f"set the password of {account_id}",
            lambda graph: self._calls.password(graph, account_id, password, must_change),
            fallback=Code.PASSWORD_REFUSED,
            may_quote=False,
        )

    def set_usage_location(self, account_id: str, usage_location: str) -> None:
        """PATCH /users/{id}."""
        self._client.call(
            f"set the usage location of {account_id}",
            lambda graph: self._calls.usage_location(graph, account_id, usage_location),
            fallback=Code.USAGE_LOCATION_INVALID,
        )

    def change_licences(self, account_id: str, change: LicenceChange) -> None:
        """POST /users/{id}/assignLicense: both lists, and of each licence the whole list of disabled plans."""
        added = [
            (_uuid(given.sku_id), [_uuid(plan) for plan in given.disabled_plan_ids])
            for given in change.add
        ]
        removed = [_uuid(sku_id) for sku_id in change.remove]
        try:
            self._client.call(
                f"change the licences of {account_id}",
                lambda graph: self._calls.licences(graph, account_id, added, removed),
                fallback=Code.LICENCE_REFUSED,
            )
        except GraphRefused as no:
            raise _licence_error(no) from None

    def is_mailbox_open(self, account_id: str) -> bool:
        """GET /users/{id}/mailboxSettings; the codes of its 404 alternate over hours and mean the same."""
        try:
            self._client.call(
                f"look for the mailbox of {account_id}",
                lambda graph: self._calls.mailbox_settings(graph, account_id),
            )
        except GraphMissing:
            return False
        return True

    @cached_property
    def _calls(self) -> Any:
        return _directory_calls()

    def _listed(self, doing: str, ask: Callable[..., Any]) -> Iterator[Json]:
        link = ""
        for _ in range(PAGE_COUNT_MAX):
            page = self._page(doing, ask, link)
            yield from page["value"]
            link = str(page.get("@odata.nextLink") or "")
            if not link:
                return
            link = self._client.checked_link(link)
        raise Refusal(Code.REQUEST_REJECTED, f"{doing}: more than {PAGE_COUNT_MAX} pages")

    def _page(self, doing: str, ask: Callable[..., Any], link: str) -> Json:
        return _with(self._client.call(doing, lambda graph: ask(graph, link)), "value", doing)

    def _read_stock(self) -> tuple[Sku, ...]:
        doing = "read the licences of the tenant"
        page = _with(self._client.call(doing, self._calls.stock), "value", doing)
        return tuple(_sku(entry) for entry in page["value"])

    def _read(self, key: str) -> Account:
        doing = f"read the account {key}"
        user = self._client.call(doing, lambda graph: self._calls.account(graph, key))
        return _account(_with(user, "id", doing))


def _licence_error(no: GraphRefused) -> NotYet | Refusal:
    if no.meaning is Meaning.USAGE_LOCATION:
        return LocationRefused(no.detail)
    if no.meaning is Meaning.NOT_LICENSED:
        return NotYet(REPLICATION_WAIT_S, f"{no.detail}; the account has changed since it was read")
    if no.meaning is Meaning.PLAN_DEPENDENCY and len(no.plan_ids) > 1:
        return PlanNeedsAnother(no.detail, no.plan_ids[0], no.plan_ids[1:])
    return no


def nickname(address: str) -> str:
    """A mail nickname that the directory takes, made from what stands before the @."""
    plain = _NICKNAME_UNSAFE.sub("", local_part(address)).strip(".")[:NICKNAME_LENGTH_MAX]
    return plain.strip(".") or mailbox_key(address)


def _directory_calls() -> ModuleType:
    from bascule.adapters.graph import directory_calls  # noqa: PLC0415  loads the SDK

    return directory_calls


def _with(answer: Json, name: str, doing: str) -> Json:
    """The answer, if it has what belongs there: an empty one says nothing about the effect."""
    if name not in answer:
        raise Unreachable(f"{doing}: an answer without {name}")
    return answer


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refusal(Code.LICENCE_UNKNOWN, f"{text} is no licence or plan id") from None


def _sku(entry: Json) -> Sku:
    units = entry.get("prepaidUnits") or {}
    return Sku(
        sku_id=str(entry["skuId"]).lower(),
        part_number=str(entry.get("skuPartNumber") or ""),
        enabled_count=int(units.get("enabled") or 0),
        consumed_count=int(entry.get("consumedUnits") or 0),
        service_plans=tuple(
            ServicePlan(
                plan_id=str(plan["servicePlanId"]).lower(),
                name=str(plan.get("servicePlanName") or ""),
                applies_to_user=plan.get("appliesTo") == "User",
            )
            for plan in entry.get("servicePlans") or ()
        ),
        warning_count=int(units.get("warning") or 0),
        suspended_count=int(units.get("suspended") or 0),
        locked_out_count=int(units.get("lockedOut") or 0),
        state=str(entry.get("capabilityStatus") or ""),
    )


def _account(user: Json) -> Account:
    return Account(
        account_id=str(user["id"]),
        address=normal_address(str(user.get("userPrincipalName") or "")),
        is_enabled=bool(user.get("accountEnabled")),
        usage_location=str(user.get("usageLocation") or ""),
        licences=tuple(_licence(state) for state in user.get("licenseAssignmentStates") or ()),
        addresses=_smtp_addresses(user.get("proxyAddresses") or ()),
    )


def _holders(calls: Any, address: str, graph: Any, link: str) -> Any:
    return calls.holders(graph, address, link)


def _deleted(user: Json) -> DeletedAccount:
    name = normal_address(str(user.get("userPrincipalName") or ""))
    proxies = _smtp_addresses(user.get("proxyAddresses") or ())
    addresses = (_DELETED_PREFIX.sub("", name), *proxies)
    return DeletedAccount(
        str(user["id"]), str(user.get("displayName") or ""), tuple(dict.fromkeys(addresses))
    )


def _smtp_addresses(proxies: Iterable[str]) -> tuple[str, ...]:
    """The SMTP ones of proxy addresses; capitals before the colon mark the primary one."""
    found = [proxy.partition(":") for proxy in proxies if proxy.lower().startswith("smtp:")]
    ordered = sorted(found, key=lambda proxy: proxy[0] != "SMTP")
    return tuple(normal_address(address) for _, _, address in ordered)


def _licence(state: Json) -> LicenceState:
    error = str(state.get("error") or "")
    disabled = (str(plan).lower() for plan in state.get("disabledPlans") or ())
    return LicenceState(
        sku_id=str(state["skuId"]).lower(),
        disabled_plan_ids=tuple(sorted(disabled)),
        by_group=str(state.get("assignedByGroup") or ""),
        is_active=state.get("state") in ACTIVE_STATES,
        # The documentation says null when all is well; the service says the word None.
        error="" if error == "None" else error,
    )
