"""Somebody to license, and changes of licences as tests of the directory ask for them."""

from bascule.domain.directory import (
    Assignment,
    LicenceChange,
    NewAccount,
    Sku,
    mailbox_plans,
    user_plans,
)
from bascule.ports.directory import Directory

ANN = NewAccount("ann@example.org", "Ann Example", "FR", "Correct-Horse-7")
STUDENT = "STANDARDWOFFPACK_STUDENT"


def sku_of(door: Directory, part_number: str = STUDENT) -> Sku:
    """The tenant's product of that part number."""
    return next(sku for sku in door.licence_stock() if sku.part_number == part_number)


def given(sku_id: str, disabled: tuple[str, ...]) -> LicenceChange:
    """One licence with these plans off."""
    return LicenceChange(add=(Assignment(sku_id, disabled),))


def only_mailbox(sku: Sku) -> tuple[str, ...]:
    """The plans that are off when only the mailbox is on."""
    return tuple(sorted(p.plan_id for p in {*user_plans(sku)} - {*mailbox_plans(sku)}))
