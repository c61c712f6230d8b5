"""Products and accounts for tests of the licence planner."""

from bascule.domain.directory import Account, LicenceState, ServicePlan, Sku

EXCHANGE = ServicePlan("exchange-1", "EXCHANGE_S_STANDARD", True)
EXCHANGE_2 = ServicePlan("exchange-2", "EXCHANGE_S_ENTERPRISE", True)
TEAMS = ServicePlan("teams", "TEAMS1", True)
TEAMS_FREE = ServicePlan("teams-free", "TEAMS_FREE", True)
SHAREPOINT = ServicePlan("sharepoint", "SHAREPOINTSTANDARD_EDU", True)
WEB_OFFICE = ServicePlan("web-office", "SHAREPOINTWAC_EDU", True)
FOUNDATION = ServicePlan("foundation", "EXCHANGE_S_FOUNDATION", False)

STUDENT = Sku("student", "STUDENT", 1_000, 0, (EXCHANGE, TEAMS, SHAREPOINT, WEB_OFFICE, FOUNDATION))
FACULTY = Sku("faculty", "FACULTY", 500, 0, (EXCHANGE_2, TEAMS, SHAREPOINT, WEB_OFFICE))
PACK = Sku("pack", "EXCHANGESTANDARD", 300, 251, (EXCHANGE,))
DEVICE = Sku("device", "M365EDU_A1", 10, 0, (FOUNDATION,))
FREE_TEAMS = Sku("free", "TEAMS_FREE", 10, 0, (TEAMS_FREE,))
STOCK = (STUDENT, FACULTY, PACK, DEVICE, FREE_TEAMS)


def account(*licences: LicenceState, location: str = "FR") -> Account:
    """Somebody with these licences."""
    return Account("id-1", "lea@example.org", True, location, licences)


def holds(sku: Sku, *on: ServicePlan, by_group: str = "", error: str = "") -> LicenceState:
    """An assignment with only these plans on; all of them when none is named."""
    names = {plan.plan_id for plan in on} or {plan.plan_id for plan in sku.service_plans}
    off = {plan.plan_id for plan in sku.service_plans if plan.applies_to_user} - names
    return LicenceState(sku.sku_id, tuple(sorted(off)), by_group, not error, error)
