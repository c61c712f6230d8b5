"""Make sure that the account has its cohort's licence, with the services of now."""

from dataclasses import replace
from datetime import timedelta

from activities.licensing import (
    PLANS_AGE_MAX_S,
    are_services_due,
    give_licence,
    shown_change,
    shown_licences,
)
from activities.subject import note, record_of
from bascule.domain.errors import NotYet, Refusal
from bascule.domain.licences import LicenceWish, LocationRefused
from bascule.domain.records import MailboxRecord
from bascule.domain.requests import LicenceRequest
from bascule.ports.bundle import Ports

REPLICATION_WAIT_S = 15.0
# Licensing learns of a location within seconds, at worst minutes; one that it refuses for longer it does not accept.
LOCATION_LAG_MAX = timedelta(minutes=5)


def ensure_licence(ports: Ports, request: LicenceRequest) -> bool:
    """Make the smallest change that gives the account what its cohort says; True when something was written.

    A licence that comes from a group is left alone. Before the migration nobody loses a service they use. Services
    that the cohort dates stay off until then, and the mailbox goes on without them.

    Raises:
        Refusal(LICENCE_UNKNOWN | LICENCE_WITHOUT_MAILBOX | LICENCE_INHERITED | PLAN_CONFLICT | PLAN_DEPENDENCY): as the
            planner says.
        Refusal(NO_SEAT | USAGE_LOCATION_INVALID | LICENCE_REFUSED): as the directory says.
        NotYet: the account is not visible yet, or its usage location may not yet be known to licensing.
    """
    record = record_of(ports, request.ref)
    cohort = ports.plan.cohort(record.cohort)
    if request.is_after and not are_services_due(cohort, ports.clock.now_utc()):
        return False
    account = ports.directory.find_account(record.address)
    if account is None:
        raise NotYet(REPLICATION_WAIT_S, f"{record.address} is not visible in the directory yet")
    location = account.usage_location or record.usage_location or cohort.usage_location
    try:
        change = give_licence(ports, account, LicenceWish(cohort, request.is_after, location))
    except LocationRefused as no:
        raise _not_yet_or_refused(ports, record, no) from no
    if change:
        stock = ports.directory.licence_stock(PLANS_AGE_MAX_S)
        note(ports, record, "licence", shown_licences(stock, account), shown_change(stock, change))
    return bool(change)


def _not_yet_or_refused(
    ports: Ports, record: MailboxRecord, no: LocationRefused
) -> NotYet | Refusal:
    """A location that was written a moment ago is on its way to licensing, and is waited for some minutes.

    Another instance of the app may have written it, or a person, and a read may lag as much as licensing does: since when
    it is refused stands in the row.
    """
    now_utc = ports.clock.now_utc()

    def noted(stored: MailboxRecord) -> MailboxRecord:
        first_utc, began_utc = stored.location_refused_utc, stored.stage_since_utc
        # From before the stage, it was refused before somebody put it right and asked for a retry.
        is_old = first_utc is None or (began_utc is not None and first_utc < began_utc)
        return replace(stored, location_refused_utc=now_utc) if is_old else stored

    first_utc = ports.ledger.amend_mailbox(record.batch, record.key, noted).location_refused_utc
    if first_utc is not None and now_utc - first_utc > LOCATION_LAG_MAX:
        return no
    return NotYet(REPLICATION_WAIT_S, f"{no.detail}; licensing may not know it yet")
