"""Whose licences a run is about: mailboxes of a batch, migrated ones of a cohort, and newcomers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from activities.completion_gate import completion_of
from activities.licensing import are_services_due, shown_change
from bascule.domain.addresses import mailbox_key, normal_address
from bascule.domain.codes import Code
from bascule.domain.cohorts import DEFAULT_COHORT, CohortChoice, CohortsAmbiguous, is_never_touched
from bascule.domain.completion import REVERSIBLE
from bascule.domain.directory import Account, Sku
from bascule.domain.errors import Refusal
from bascule.domain.licence_requests import LicenceLine, LicenceRun
from bascule.domain.licences import LicenceRefusal, LicenceWish, plan_licence
from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports

# From here on the services of afterwards are due, whatever comes between this look and the mailbox's own.
HAS_MOVED = frozenset({Stage.PROVEN, Stage.MIGRATED})


@dataclass(frozen=True)
class Subject:
    """One account and what it is to have."""

    account: Account
    cohort: str
    wish: LicenceWish
    batch: str = ""
    """Of a mailbox that a batch has."""
    abandoned_in: str = ""
    """The batch that a newcomer was abandoned in."""

    @property
    def is_newcomer(self) -> bool:
        """Whether no batch has it."""
        return not self.batch


class Subjects:
    """The accounts that one run is about; patterns and stock are read once for all of them."""

    def __init__(self, ports: Ports, run: LicenceRun) -> None:
        self._ports = ports
        self._run = run
        self._batches = sorted(ports.ledger.batches(), key=lambda batch: batch.uploaded_utc)
        self._choice = CohortChoice(ports.plan.cohorts)

    def all(self) -> Iterator[Subject]:
        """Every one, by address. Protected accounts and whoever asks are not among them."""
        records = self._records()
        found = sorted(self._ports.directory.accounts(), key=lambda account: account.address)
        subjects = (self._subject(account, records.get(account.address)) for account in found)
        return filter(None, subjects)

    def one(self, address: str) -> Subject | None:
        """One of them, from a fresh look at its account; None when the run is not about it any more."""
        account = self._ports.directory.find_account(address)
        return self._subject(account, self._record(address)) if account is not None else None

    def line(self, subject: Subject) -> LicenceLine:
        """What would change for one of them, or why nothing can; the stock is read once for all."""
        address, cohort = subject.account.address, subject.cohort
        uncounted = replace(subject.wish, is_seat_counted=False)
        found = plan_licence(self._stock, subject.account, uncounted)
        if isinstance(found, LicenceRefusal):
            return LicenceLine(address, cohort, code=found.code, detail=found.detail)
        return LicenceLine(address, cohort, shown_change(self._stock, found) if found else "")

    def check_arrived(self, newcomer: Subject) -> None:
        """A newcomer gets a mailbox only if no mail of theirs goes elsewhere: they are in no coexistence group.

        Raises:
            Refusal(MAILBOX_AT_SOURCE): the alias map still leads elsewhere, or a batch gave the mailbox back.
            Refusal(ALIAS_MAP_REFUSED), Unreachable: nobody can say.
        """
        if self._is_source_gone:
            return
        address = newcomer.account.address
        if newcomer.abandoned_in:
            raise _at_source(f"{address} was abandoned in the batch {newcomer.abandoned_in}")
        routing = self._ports.plan.routing_address(address).lower()
        found = self._ports.alias_map.route(address).destinations
        elsewhere = [each for each in found if each.lower() != routing]
        if elsewhere:
            raise _at_source(f"{address} still delivers to {', '.join(elsewhere)}")

    @cached_property
    def _is_source_gone(self) -> bool:
        """Once the tenant has taken the domains for its own, nothing is at the source; the map may be gone, too."""
        completion = completion_of(self._ports)
        return completion is not None and completion.phase not in REVERSIBLE

    @cached_property
    def _stock(self) -> tuple[Sku, ...]:
        return self._ports.directory.licence_stock()

    def _records(self) -> dict[str, MailboxRecord]:
        """The row of every address; of one that two batches have had, the later batch's, abandoned ones last."""
        found: dict[str, MailboxRecord] = {}
        for batch in self._batches:
            for record in self._ports.ledger.mailboxes(batch.name):
                if record.stage is not Stage.ABANDONED or _is_abandoned(found.get(record.address)):
                    found[record.address] = record
        return found

    def _record(self, address: str) -> MailboxRecord | None:
        """The row of one address, found as `_records` would."""
        key, abandoned = mailbox_key(address), None
        for batch in reversed(self._batches):
            record = self._ports.ledger.find_mailbox(batch.name, key)
            if record is not None and record.stage is not Stage.ABANDONED:
                return record
            abandoned = abandoned or record
        return abandoned

    def _subject(self, account: Account, last: MailboxRecord | None) -> Subject | None:
        record = None if _is_abandoned(last) else last
        cohort = _cohort_of(record, account, self._choice)
        is_meant = _is_meant(self._run, record, cohort)
        if not is_meant or is_left_alone(self._ports, account, self._run.asked_by):
            return None
        plan = self._ports.plan.cohort(cohort)
        has_moved = record is None or record.stage in HAS_MOVED
        is_after = has_moved and are_services_due(plan, self._ports.clock.now_utc())
        location = account.usage_location or (record.usage_location if record else "")
        wish = LicenceWish(plan, is_after, location or plan.usage_location)
        if record is not None:
            return Subject(account, cohort, wish, record.batch)
        return Subject(account, cohort, wish, abandoned_in=last.batch if last else "")


def is_left_alone(ports: Ports, account: Account, asked_by: str) -> bool:
    """Accounts that nothing done to many may touch: the plan's, our own, the asker's, and those nobody signs in to."""
    tenant = ports.plan.tenant
    own = {tenant.probe_sender, tenant.report_mailbox, normal_address(asked_by)}
    return (
        not account.is_enabled
        or account.address in own
        or is_never_touched(ports.plan.accounts, account.address)
    )


def _is_abandoned(record: MailboxRecord | None) -> bool:
    """Whether no batch has the mailbox now; True also when none ever had it."""
    return record is None or record.stage is Stage.ABANDONED


def _at_source(why: str) -> Refusal:
    detail = f"{why}: its mailbox is still at the source; put it in a batch"
    return Refusal(Code.MAILBOX_AT_SOURCE, detail)


def _is_meant(run: LicenceRun, record: MailboxRecord | None, cohort: str) -> bool:
    """A mailbox that is still on its way gets its licence from its own story, not from a run over its cohort."""
    if run.batch:
        return record is not None and record.batch == run.batch
    if record is not None:
        return cohort == run.cohort and record.stage in HAS_MOVED
    return run.has_newcomers and cohort == run.cohort


def _cohort_of(record: MailboxRecord | None, account: Account, choice: CohortChoice) -> str:
    """A newcomer has no row: only a pattern that fits its address makes it one of a cohort, never the default."""
    if record is not None:
        return record.cohort or DEFAULT_COHORT
    try:
        return choice.choose(account.address)
    except CohortsAmbiguous:
        return ""
