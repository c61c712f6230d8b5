"""Make sure that the account has its cohort's licence, with the services of now."""

from activities.licensing import (
    PLANS_AGE_MAX_S,
    are_services_due,
    give_licence,
    shown_change,
    shown_licences,
)
from activities.subject import note, record_of
from bascule.domain.errors import NotYet
from bascule.domain.licences import LicenceWish
from bascule.domain.requests import LicenceRequest
from bascule.ports.bundle import Ports

REPLICATION_WAIT_S = 15.0


def ensure_licence(ports: Ports, request: LicenceRequest) -> bool:
    """Make the smallest change that gives the account what its cohort says; True when something was written.

    A licence that comes from a group is left alone. Before the migration nobody loses a service they use. Services
    that the cohort dates stay off until then, and the mailbox goes on without them.

    Raises:
        Refusal(LICENCE_UNKNOWN | LICENCE_WITHOUT_MAILBOX | LICENCE_INHERITED | PLAN_CONFLICT | PLAN_DEPENDENCY): as the
            planner says.
        Refusal(NO_SEAT | USAGE_LOCATION_INVALID | LICENCE_REFUSED): as the directory says.
        NotYet: the account is not visible yet.
    """
    record = record_of(ports, request.ref)
    cohort = ports.plan.cohort(record.cohort)
    if request.is_after and not are_services_due(cohort, ports.clock.now_utc()):
        return False
    account = ports.directory.find_account(record.address)
    if account is None:
        raise NotYet(REPLICATION_WAIT_S, f"{record.address} is not visible in the directory yet")
    location = account.usage_location or record.usage_location or cohort.usage_location
    change = give_licence(ports, account, LicenceWish(cohort, request.is_after, location))
    if change:
        stock = ports.directory.licence_stock(PLANS_AGE_MAX_S)
        note(ports, record, "licence", shown_licences(stock, account), shown_change(stock, change))
    return bool(change)
