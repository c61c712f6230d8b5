"""The accounts of a reset's chunk: who they are, which cohort's rule is theirs, and why one is left alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from activities.hand_out import find_entry
from activities.licence_subjects import is_left_alone
from bascule.domain.addresses import mailbox_key, normal_address
from bascule.domain.cohorts import DEFAULT_COHORT, CohortChoice, CohortsAmbiguous, is_never_touched
from bascule.domain.hand_out import Person, person_of
from bascule.domain.password_requests import ResetChunk, ResetRequest, Selection
from bascule.domain.plan import CohortPlan, PasswordRule
from bascule.domain.records import MailboxRecord
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports


@dataclass(frozen=True)
class Subject:
    """One account whose password is to change."""

    person: Person
    account_id: str

    def cohort(self, ports: Ports) -> CohortPlan | None:
        """Its cohort; None when the plan has lost it."""
        return ports.plan.cohorts.get(self.person.cohort)


def subjects_of(ports: Ports, chunk: ResetChunk) -> Iterator[Subject]:
    """The accounts of a chunk that the selection means; of one that several batches have had, by its last row alone."""
    rows = LastRows(ports)
    for ref in chunk.refs:
        record = rows.find(ref.key)
        if record and record.batch == ref.batch and is_meant(record, chunk.request.selection):
            yield _of_record(record)
    for address in chunk.addresses:
        yield _named(ports, rows, address)


class LastRows:
    """The row of an address in the batch that was uploaded last and has not abandoned it; batches are read once."""

    def __init__(self, ports: Ports) -> None:
        self._ledger = ports.ledger
        opened = [batch for batch in ports.ledger.batches() if batch.is_open]
        self._latest_first = sorted(opened, key=lambda batch: batch.uploaded_utc, reverse=True)

    def find(self, key: str) -> MailboxRecord | None:
        """That row; None when no batch has the mailbox, or each has abandoned it."""
        for batch in self._latest_first:
            record = self._ledger.find_mailbox(batch.name, key)
            if record is not None and record.stage is not Stage.ABANDONED:
                return record
        return None


def _named(ports: Ports, rows: LastRows, address: str) -> Subject:
    """The account of that name: of a batch, or of the directory alone."""
    record = rows.find(mailbox_key(address))
    if record is not None and record.account_id:
        return _of_record(record)
    account = ports.directory.find_account(address)
    person = Person(normal_address(address), cohort=_chosen(ports, address))
    return Subject(person_of(record) if record else person, account.account_id if account else "")


def is_meant(record: MailboxRecord, selection: Selection) -> bool:
    """Whether a mailbox is of the selection."""
    cohort = record.cohort or DEFAULT_COHORT
    return (not selection.cohort or selection.cohort == cohort) and (
        not selection.unit or selection.unit == record.unit
    )


def why_left_alone(ports: Ports, subject: Subject, request: ResetRequest) -> str:
    """Why this request does not change the account's password; empty when it does."""
    cohort = subject.cohort(ports)
    if untouchable := _why_untouchable(ports, subject.person.address, request.asked_by):
        return untouchable
    if cohort is None:
        return "the plan does not say which cohort it belongs to"
    rule = rule_of(cohort, request)
    if rule is PasswordRule.KEEP:
        return "its cohort keeps passwords"
    if request.is_notice_only:
        return ""
    if not subject.account_id:
        return "it has no account yet"
    return _why_no_password(ports, subject.person.address, rule)


def _why_untouchable(ports: Ports, address: str, asked_by: str) -> str:
    """Who may be seen from the address alone is; of the others their account is looked at, where there is one."""
    if is_never_touched(ports.plan.accounts, address):
        return "accounts.never_touch protects it"
    if address == normal_address(asked_by):
        return "it is the account of who asks"
    account = ports.directory.find_account(address)
    if account is None or not is_left_alone(ports, account, asked_by):
        return ""
    return "it sends the probes or gets the reports" if account.is_enabled else "it is disabled"


def _why_no_password(ports: Ports, address: str, rule: PasswordRule) -> str:
    entry = find_entry(ports, address)
    if rule is not PasswordRule.RANDOM and (entry is None or entry.waiting is None):
        return "no password was imported for it"
    return ""


def rule_of(cohort: CohortPlan, request: ResetRequest) -> PasswordRule:
    """The rule of this reset for an account of this cohort."""
    return request.rule or cohort.password


def _of_record(record: MailboxRecord) -> Subject:
    return Subject(person_of(record), record.account_id)


def _chosen(ports: Ports, address: str) -> str:
    try:
        return CohortChoice(ports.plan.cohorts).choose(address) or DEFAULT_COHORT
    except CohortsAmbiguous:
        return ""
