"""Accounts and licences of the tenant."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from bascule.domain.directory import Account, DeletedAccount, LicenceChange, NewAccount, Sku


class Directory(Protocol):
    """The tenant's directory.

    Every method may raise Unreachable (no answer, 5xx), Throttled (429 with its wait), NotYet (a write that is not
    visible everywhere yet) and Refusal(PERMISSION_MISSING). No method retries by itself.
    """

    def licence_stock(self, age_max_s: float = 0.0) -> tuple[Sku, ...]:
        """Every SKU the tenant has, with seats and service plans.

        `age_max_s` allows an answer that old: its plans are right, its seats are not to be counted on.
        """
        ...

    def find_account(self, address: str) -> Account | None:
        """The account whose user principal name is `address`; None when there is none."""
        ...

    def verified_domains(self) -> Mapping[str, str]:
        """{domain, lower case: how its users sign in}, such as `Managed` or `Federated`."""
        ...

    def is_synchronised(self) -> bool:
        """Whether the tenant's accounts come from a directory on site."""
        ...

    def accounts(self) -> Iterator[Account]:
        """Every user of the tenant, page by page, by no order; one made a moment ago may be missing."""
        ...

    def holders_of(self, address: str) -> tuple[Account, ...]:
        """The users who have this address among theirs, whatever their name; mostly one or none."""
        ...

    def deleted_accounts(self, age_max_s: float = 0.0) -> tuple[DeletedAccount, ...]:
        """Users deleted less than 30 days ago, who can be restored; `age_max_s` allows an answer that old."""
        ...

    def create_account(self, new: NewAccount) -> Account:
        """Create an account that can sign in; whether its password is asked to be changed, `new` says.

        Raises:
            Refusal(ACCOUNT_CONFLICT): the address belongs to another object, or already exists.
            Refusal(ACCOUNT_INVALID): the directory refuses a value.
            Refusal(PASSWORD_REFUSED): the directory refuses the password; never says which.
        """
        ...

    def set_password(self, account_id: str, password: str, *, must_change: bool) -> None:
        """Give an account another password; the same one twice is no harm. Tokens issued before are not asked after.

        Raises:
            Refusal(PASSWORD_REFUSED): the tenant's rules or its banned words; never says which password.
            Refusal(PERMISSION_MISSING): the app may not do it at all, or not to an account with an administrator's role.
        """
        ...

    def set_usage_location(self, account_id: str, usage_location: str) -> None:
        """Set the ISO 3166 country of an account; the same value twice is no change."""
        ...

    def change_licences(self, account_id: str, change: LicenceChange) -> None:
        """Give and take licences in one evaluation: all of the change or nothing, and no moment between.

        The same change twice is one, as long as it takes nothing away.

        Raises:
            PlanNeedsAnother: a plan that would be on needs one that would be off; both are named.
            LocationRefused: licensing sees no usage location that it takes. Whether one was written a moment ago, and
                for how long it was refused already, the caller knows: no answer of the directory tells.
            Refusal(NO_SEAT | PLAN_CONFLICT | LICENCE_INHERITED | LICENCE_UNKNOWN): as the directory says.
            Refusal(LICENCE_REFUSED): in words that are not known.
            NotYet: the account is not visible to licensing yet, or a licence to take away is gone already: read the
                account again and plan anew.
        """
        ...

    def is_mailbox_open(self, account_id: str) -> bool:
        """Whether the mailbox service answers for this account; every 404 means not yet."""
        ...
