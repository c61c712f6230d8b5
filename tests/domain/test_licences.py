"""The licence planner, case by case: the smallest change, or why there is none."""

from dataclasses import replace

import pytest

from bascule.domain.codes import Code
from bascule.domain.directory import Account, Assignment, LicenceChange, ServicePlan, Sku
from bascule.domain.licences import (
    STATE_CODES,
    LicenceRefusal,
    LicenceWish,
    plan_licence,
    unknown_services,
)
from bascule.domain.plan import CohortPlan, LicenceMode
from tests.domain.licence_samples import (
    DEVICE,
    EXCHANGE,
    FACULTY,
    FREE_TEAMS,
    PACK,
    SHAREPOINT,
    STOCK,
    STUDENT,
    TEAMS,
    WEB_OFFICE,
    account,
    holds,
)

NOTHING = LicenceChange()
MAIL_ONLY = LicenceChange((Assignment("student", ("sharepoint", "teams", "web-office")),))


def cohort(
    licence: str = "STUDENT", mode: LicenceMode = LicenceMode.ADD, **facts: object
) -> CohortPlan:
    """A cohort of the plan."""
    return CohortPlan(licence, mode, **facts)  # type: ignore[arg-type]


def change(
    who: Account, of: CohortPlan, *, is_after: bool = False, stock: tuple[Sku, ...] = STOCK
) -> LicenceChange:
    """The planned change, of which there has to be one."""
    found = plan_licence(stock, who, LicenceWish(of, is_after))
    assert isinstance(found, LicenceChange), found
    return found


def refusal(
    who: Account, of: CohortPlan, *, is_after: bool = False, stock: tuple[Sku, ...] = STOCK
) -> LicenceRefusal:
    """Why there is no change."""
    found = plan_licence(stock, who, LicenceWish(of, is_after))
    assert isinstance(found, LicenceRefusal), found
    return found


def test_before_the_migration_only_the_mailbox_is_on() -> None:
    """A user who finds an empty Teams calls the help desk."""
    assert change(account(), cohort()) == MAIL_ONLY


def test_plans_of_the_whole_company_are_never_switched() -> None:
    """The directory refuses the whole assignment when one of them is named."""
    assert "foundation" not in change(account(), cohort()).add[0].disabled_plan_ids


def test_services_that_come_first_bring_what_they_need() -> None:
    """Office for the web without its SharePoint is refused."""
    first = cohort(services_first=("SHAREPOINTWAC_EDU",))

    assert change(account(), first).add[0].disabled_plan_ids == ("teams",)


def test_after_the_migration_the_list_is_the_whole_truth() -> None:
    """What the cohort does not name goes off, the mailbox stays on, a star means everything."""
    everything = account(holds(STUDENT))

    named = change(everything, cohort(services_after=("TEAMS1",)), is_after=True)
    nobody = change(everything, cohort(services_after=()), is_after=True)
    star = change(account(holds(STUDENT, EXCHANGE)), cohort(), is_after=True)

    assert named.add[0].disabled_plan_ids == ("sharepoint", "web-office")
    assert nobody == MAIL_ONLY
    assert star.add[0].disabled_plan_ids == ()


def test_a_plan_the_vendor_adds_later_is_off_at_the_next_change() -> None:
    """Nobody decided that pupils get it."""
    grown = replace(
        STUDENT, service_plans=(*STUDENT.service_plans, ServicePlan("new", "NEW", True))
    )
    held = holds(STUDENT, EXCHANGE, TEAMS)  # written before there was a plan to switch off

    planned = change(
        account(held), cohort(services_after=("TEAMS1",)), is_after=True, stock=(grown,)
    )

    assert planned.add[0].disabled_plan_ids == ("new", "sharepoint", "web-office")


def test_nobody_loses_a_service_they_use_before_the_migration() -> None:
    """A licence that was there already was given by somebody for something."""
    assert change(account(holds(STUDENT, EXCHANGE, TEAMS)), cohort()) == NOTHING
    assert change(account(holds(STUDENT, TEAMS)), cohort()).add[0].disabled_plan_ids == (
        "sharepoint",
        "web-office",
    )


def test_keep_is_content_with_any_mailbox() -> None:
    """The tenant has paid for it already."""
    kept = cohort(mode=LicenceMode.KEEP)

    assert change(account(holds(PACK)), kept) == NOTHING
    assert change(account(holds(PACK)), kept, is_after=True) == NOTHING
    assert change(account(holds(FACULTY, TEAMS)), kept) == MAIL_ONLY
    assert change(account(), kept) == MAIL_ONLY


def test_add_leaves_the_others_alone() -> None:
    """Somebody may need both."""
    assert change(account(holds(PACK)), cohort()) == MAIL_ONLY


def test_replace_takes_the_provisional_pack_in_the_same_change() -> None:
    """In two calls the mailbox would be without a licence between them."""
    planned = change(account(holds(PACK)), cohort(mode=LicenceMode.REPLACE))

    assert planned == LicenceChange(MAIL_ONLY.add, ("pack",))


def test_replace_carries_over_what_is_used() -> None:
    """A pupil who becomes a teacher keeps the team she is in."""
    planned = change(
        account(holds(STUDENT, EXCHANGE, TEAMS)), cohort("FACULTY", LicenceMode.REPLACE)
    )

    assert planned.remove == ("student",)
    assert planned.add == (Assignment("faculty", ("sharepoint", "web-office")),)


def test_replace_takes_only_what_it_names() -> None:
    """A list in the plan is meant."""
    both = account(holds(PACK), holds(STUDENT))
    planned = change(both, cohort("FACULTY", LicenceMode.REPLACE, replaces=("STUDENT",)))

    assert planned.remove == ("student",)


def test_replace_does_nothing_twice() -> None:
    """Steps are repeated."""
    assert change(account(holds(STUDENT, EXCHANGE)), cohort(mode=LicenceMode.REPLACE)) == NOTHING


def test_what_a_group_gives_is_left_to_the_group() -> None:
    """A second, direct assignment would stay when the pupil leaves the group."""
    by_group = holds(STUDENT, by_group="g")

    assert change(account(by_group), cohort()) == NOTHING
    assert change(account(by_group), cohort(), is_after=True) == NOTHING
    assert change(
        account(by_group, holds(PACK)), cohort(mode=LicenceMode.REPLACE)
    ) == LicenceChange(remove=("pack",))


def test_a_group_that_keeps_the_mailbox_off_is_named() -> None:
    """Only the group's owner can switch it on."""
    no = refusal(account(holds(STUDENT, TEAMS, by_group="g-7")), cohort())

    assert no.code is Code.LICENCE_INHERITED
    assert "g-7" in no.detail


def test_a_licence_from_a_group_cannot_be_replaced() -> None:
    """The directory refuses to take it from the user."""
    named = cohort(mode=LicenceMode.REPLACE, replaces=("EXCHANGESTANDARD",))

    assert refusal(account(holds(PACK, by_group="g")), named).code is Code.LICENCE_INHERITED


@pytest.mark.parametrize(("error", "code"), STATE_CODES.items())
def test_what_the_directory_notes_on_a_group_licence_has_a_code(error: str, code: Code) -> None:
    """The group's licence came to nothing, and the note says why."""
    assert refusal(account(holds(STUDENT, by_group="g", error=error)), cohort()).code is code


def test_a_licence_without_a_mailbox_is_refused() -> None:
    """Its user would wait for a mailbox for ever."""
    no = refusal(account(), cohort("M365EDU_A1"))

    assert (no.code, DEVICE.part_number in no.detail) == (Code.LICENCE_WITHOUT_MAILBOX, True)


def test_a_licence_the_tenant_does_not_have_is_refused() -> None:
    """A slip in the plan."""
    assert refusal(account(), cohort("STUDENTS")).code is Code.LICENCE_UNKNOWN


def test_plans_that_exclude_each_other_are_both_named() -> None:
    """Somebody has to choose one of the two."""
    no = refusal(account(holds(FREE_TEAMS)), cohort(), is_after=True)

    assert no == LicenceRefusal(Code.PLAN_CONFLICT, "TEAMS1 and TEAMS_FREE cannot be on together")


def test_a_plan_without_what_it_needs_is_named() -> None:
    """The licence has the child and not the parent."""
    poor = replace(STUDENT, service_plans=(EXCHANGE, WEB_OFFICE))

    no = refusal(account(), cohort(services_first=("SHAREPOINTWAC_EDU",)), stock=(poor, FACULTY))

    assert no.code is Code.PLAN_DEPENDENCY
    assert "SHAREPOINTWAC_EDU needs SHAREPOINTSTANDARD_EDU" in no.detail


def test_what_another_licence_has_is_not_switched_on_again() -> None:
    """The smallest change counts what is on elsewhere."""
    rest = account(holds(FACULTY, SHAREPOINT))

    planned = change(rest, cohort(services_first=("SHAREPOINTWAC_EDU",)))

    assert planned.add[0].disabled_plan_ids == ("sharepoint", "teams")


def test_a_service_that_the_licence_lacks_is_named() -> None:
    """A slip of the pen would leave it off for everybody, and nobody would know why."""
    slipped = cohort(services_first=("TEAM1",), services_after=("TEAMS1", "EXCHANGE_S_FOUNDATION"))

    assert unknown_services(STOCK, slipped) == ("TEAM1", "EXCHANGE_S_FOUNDATION")
    assert unknown_services(STOCK, cohort()) == ()


def test_a_dependency_is_learned_from_the_directory() -> None:
    """Nothing lists them; the refusal names both plans."""
    wish = LicenceWish(
        cohort(services_first=("TEAMS1",)), False, learned={"teams": frozenset({"sharepoint"})}
    )

    planned = plan_licence(STOCK, account(), wish)

    assert planned == LicenceChange((Assignment("student", ("web-office",)),))


def test_a_licence_needs_a_country() -> None:
    """The directory would refuse it; one that is on its way counts."""
    abroad = account(location="")

    assert refusal(abroad, cohort()).code is Code.USAGE_LOCATION_INVALID
    assert plan_licence(STOCK, abroad, LicenceWish(cohort(), False, "CA")) == MAIL_ONLY


def test_no_seat_left_is_refused_with_the_figures() -> None:
    """Suspended units look like seats and are none."""
    full = replace(STUDENT, consumed_count=1_000, suspended_count=20)

    no = refusal(account(), cohort(), stock=(full,))

    assert no.code is Code.NO_SEAT
    assert no.detail == "STUDENT: 1000 seats, 1000 taken, 20 suspended"


def test_who_has_a_seat_needs_no_other() -> None:
    """Services are switched on in a tenant that is full."""
    full = replace(STUDENT, consumed_count=1_000)

    assert change(account(holds(STUDENT, TEAMS)), cohort(), stock=(full,))


def test_seats_of_the_grace_period_can_still_be_given() -> None:
    """The directory gives them; whoever plans ahead counts without them."""
    expiring = replace(STUDENT, enabled_count=0, warning_count=5, state="Warning")

    assert change(account(), cohort(), stock=(expiring,)) == MAIL_ONLY


def test_dependencies_between_samples_are_those_of_the_product() -> None:
    """The samples would otherwise test nothing."""
    assert (TEAMS.name, WEB_OFFICE.name) == ("TEAMS1", "SHAREPOINTWAC_EDU")
