"""Change the licences of some accounts of a run, one after the other."""

from activities.licence_subjects import Subject, Subjects
from activities.licensing import PLANS_AGE_MAX_S, give_licence, shown_change, shown_licences
from activities.newcomer_seats import RunSeats
from bascule.domain.addresses import mailbox_key
from bascule.domain.codes import Code
from bascule.domain.errors import NotYet, Refusal, Throttled, Unreachable
from bascule.domain.licence_requests import LicenceChunk, LicenceLine, LicenceOutcome, LicenceRun
from bascule.domain.licences import LocationRefused
from bascule.domain.records import JournalEntry
from bascule.ports.bundle import Ports

# "Please wait briefly and retry", say most servers that do not say how long.
UNREACHABLE_WAIT_S = 30.0


def license_accounts(ports: Ports, chunk: LicenceChunk) -> LicenceOutcome:
    """Look at each account anew and make its change; one that is as it should be by now is left alone.

    A directory that wants to be spared ends the chunk early: what is `left` is asked for again after `wait_s`. An account
    that is not yet to be licensed, or whose country licensing may not know yet, holds up nobody else.
    """
    seats, subjects = RunSeats(ports, chunk.run), Subjects(ports, chunk.run)
    changed_count, refused, not_yet = 0, list[LicenceLine](), list[LicenceLine]()
    for position, address in enumerate(chunk.addresses):
        try:
            subject = subjects.one(address)
            if subject is not None:
                if subject.is_newcomer:
                    subjects.check_arrived(subject)
                    _check_seat(subjects, subject, seats)
                changed_count += _license(ports, chunk.run, subject)
        except LocationRefused as no:
            not_yet.append(_line(chunk, address, no.code, no.detail))
        except Refusal as no:
            refused.append(_line(chunk, address, no.code, no.detail))
        except NotYet as early:
            not_yet.append(_line(chunk, address, Code.LICENCE_REFUSED, str(early)))
        except (Throttled, Unreachable) as busy:
            left = chunk.addresses[position:]
            wait_s = getattr(busy, "wait_s", UNREACHABLE_WAIT_S)
            return LicenceOutcome(changed_count, tuple(refused), left, wait_s, tuple(not_yet))
    return LicenceOutcome(changed_count, tuple(refused), not_yet=tuple(not_yet))


def _line(chunk: LicenceChunk, address: str, code: Code, detail: str) -> LicenceLine:
    return LicenceLine(address, chunk.run.cohort, code=code, detail=detail)


def _license(ports: Ports, run: LicenceRun, subject: Subject) -> bool:
    account, location = subject.account, subject.wish.usage_location
    if location and not account.usage_location:
        ports.directory.set_usage_location(account.account_id, location)
        _note(ports, run, subject, ("usage location", "", location))
    change = give_licence(ports, account, subject.wish)
    if change:
        stock = ports.directory.licence_stock(PLANS_AGE_MAX_S)
        before, after = shown_licences(stock, account), shown_change(stock, change)
        _note(ports, run, subject, ("licence", before, after))
    return bool(change)


def _check_seat(subjects: Subjects, newcomer: Subject, seats: RunSeats) -> None:
    """A newcomer takes no seat that a batch or another run has reserved. Raises Refusal(NO_SEAT)."""
    held = {state.sku_id for state in newcomer.account.licences}
    if subjects.line(newcomer).change and seats.sku.sku_id not in held:
        seats.reserve(newcomer.account.address)


def _note(ports: Ports, run: LicenceRun, subject: Subject, effect: tuple[str, str, str]) -> None:
    """Under the mailbox's own batch; newcomers stand under their cohort."""
    batch = subject.batch or f"cohort-{subject.cohort}"
    key = mailbox_key(subject.account.address)
    now_utc = ports.clock.now_utc()
    ports.journal.note(JournalEntry(now_utc, batch, key, *effect, asked_by=run.asked_by))
