"""Accounts of the simulated tenant: what is accepted, who is unique, and when a write is seen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.world.directory import Directory, User
from sandbox.world.directory_errors import DirectoryRefused, Reason
from sandbox.world.weather import CALM, Span, Weather
from sandbox.world.world import World

GOOD_PASSWORD = "Tr0ub4dor&3"
LAG_S = 30.0


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_utc = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now_utc

    def pass_time(self, **span: float) -> None:
        """Move on."""
        self.now_utc += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until told."""
    return Clock()


@pytest.fixture
def directory(clock: Clock) -> Directory:
    """An empty directory in calm weather."""
    return World(7, clock, CALM).tenant.directory


@pytest.fixture
def slow_directory(clock: Clock) -> Directory:
    """A directory where each write takes half a minute to be seen everywhere."""
    return World(7, clock, Weather(graph_replication=Span(LAG_S, LAG_S))).tenant.directory


def draft(**changes: object) -> User:
    """Anna, as she is asked for."""
    anna = User(
        "",
        "anna@example.org",
        "Anna",
        "anna",
        datetime(2026, 1, 1, tzinfo=UTC),
        password=GOOD_PASSWORD,
    )
    return replace(anna, **changes)  # type: ignore[arg-type]  # names of fields, checked by replace


def reason_of(act: Callable[[], object]) -> Reason:
    """Why the directory refuses."""
    with pytest.raises(DirectoryRefused) as refusal:
        act()
    return refusal.value.reason


def test_an_account_is_found_by_identifier_and_by_name(directory: Directory) -> None:
    """The product creates by name and works by identifier; both must mean the same account."""
    anna = directory.create(draft())

    assert directory.user(anna.user_id) == directory.user("ANNA@example.org") == anna


@pytest.mark.parametrize(
    ("prop", "changes"),
    [
        ("userPrincipalName", {"upn": "änna@example.org"}),
        ("userPrincipalName", {"upn": "anna+x@example.org"}),
        ("userPrincipalName", {"upn": "anna"}),
        ("mailNickname", {"mail_nickname": "anna,b"}),
        ("mailNickname", {"mail_nickname": "anna."}),
        ("displayName", {"display_name": ""}),
        ("usageLocation", {"usage_location": "UK"}),
        ("passwordPolicies", {"password_policies": "DisableEverything"}),
    ],
)
def test_a_wrong_value_is_named(
    directory: Directory, prop: str, changes: dict[str, object]
) -> None:
    """The operator would search the whole row for the one wrong cell."""
    with pytest.raises(DirectoryRefused) as refusal:
        directory.create(draft(**changes))

    assert refusal.value.details[0].target == prop


@pytest.mark.parametrize(
    "password",
    ["Sh0rt!", "alllowercase", "lower1234", "Pässwörd-7!", "P@ssw0rd1", "Azerty12!", "Aa1!" * 65],
)
def test_a_weak_password_is_refused_and_never_repeated(directory: Directory, password: str) -> None:
    """A refusal that quotes the password would carry it into every log."""
    with pytest.raises(DirectoryRefused) as refusal:
        directory.create(draft(password=password))

    assert refusal.value.reason is Reason.WEAK_PASSWORD
    assert password not in refusal.value.message


def test_schools_may_have_plain_passwords(clock: Clock) -> None:
    """Pupils' passwords of six letters and two zeros are usual, and education tenants take them."""
    school = World(7, clock, Weather(education_passwords=True)).tenant.directory
    anna = school.create(draft(password="tulipe00"))
    strict = World(7, clock, CALM).tenant.directory
    ben = strict.create(draft(password="tulipe00", password_policies="DisableStrongPassword"))

    assert anna.password == ben.password
    assert reason_of(lambda: strict.create(draft(password="tulipe00"))) is Reason.WEAK_PASSWORD


def test_a_domain_that_is_not_ours_or_federated_is_refused(directory: Directory) -> None:
    """Accounts nobody can sign in to would be counted as ready."""
    directory.domains.add_verified("sso.example.org", "Federated")

    assert reason_of(lambda: directory.create(draft(upn="a@elsewhere.org"))) is Reason.INVALID
    assert reason_of(lambda: directory.create(draft(upn="a@sso.example.org"))) is Reason.INVALID
    assert (
        directory.create(draft(upn="a@sso.example.org"), "immutable-1").upn == "a@sso.example.org"
    )


def test_the_same_name_twice_is_a_conflict_even_before_it_is_seen(
    slow_directory: Directory,
) -> None:
    """A retry after a lost answer would make a second account."""
    slow_directory.create(draft())

    assert reason_of(lambda: slow_directory.create(draft())) is Reason.ALREADY_EXISTS


def test_a_new_account_may_not_be_there_yet_where_one_looks(
    slow_directory: Directory, clock: Clock
) -> None:
    """A product that reads back at once would call its own account missing in production only."""
    anna = slow_directory.create(draft())
    answers = {_is_found(slow_directory, anna.user_id) for _ in range(20)}
    clock.pass_time(seconds=LAG_S)
    later = {_is_found(slow_directory, anna.user_id) for _ in range(20)}

    assert answers == {True, False}
    assert later == {True}


def test_a_read_after_a_change_may_be_stale_and_ends_up_right(
    slow_directory: Directory, clock: Clock
) -> None:
    """Read-back would be trusted too early, or never."""
    anna = slow_directory.create(draft())
    clock.pass_time(seconds=LAG_S)
    slow_directory.update(anna.user_id, lambda user: replace(user, usage_location="FR"))
    soon = {slow_directory.user(anna.user_id).usage_location for _ in range(20)}
    clock.pass_time(seconds=LAG_S)
    late = {slow_directory.user(anna.user_id).usage_location for _ in range(20)}

    assert soon == {None, "FR"}
    assert late == {"FR"}


def test_a_change_never_undoes_another_made_through_a_stale_replica(
    slow_directory: Directory, clock: Clock
) -> None:
    """Two changes in a row would lose the first."""
    anna = slow_directory.create(draft())
    clock.pass_time(seconds=LAG_S)
    for _ in range(5):
        slow_directory.update(anna.user_id, lambda user: replace(user, usage_location="FR"))
        slow_directory.update(anna.user_id, lambda user: replace(user, display_name="Anna B"))
    truth = slow_directory.truth(anna.user_id)

    assert truth is not None
    assert (truth.usage_location, truth.display_name) == ("FR", "Anna B")


def test_a_deleted_account_frees_its_name_and_comes_back_within_thirty_days(
    directory: Directory, clock: Clock
) -> None:
    """An account deleted by mistake would be lost, or kept for ever."""
    anna = directory.create(draft())
    directory.delete(anna.user_id)
    assert reason_of(lambda: directory.user(anna.user_id)) is Reason.NOT_FOUND
    assert [user.upn for user in directory.deleted()] == [anna.upn]
    directory.restore(anna.user_id)
    assert directory.user(anna.upn).user_id == anna.user_id
    directory.delete(anna.user_id)
    clock.pass_time(days=31)

    assert directory.deleted() == []
    assert reason_of(lambda: directory.restore(anna.user_id)) is Reason.NOT_FOUND


def test_a_deleted_name_taken_by_another_cannot_be_restored(directory: Directory) -> None:
    """Two accounts would answer to one name."""
    anna = directory.create(draft())
    directory.delete(anna.user_id)
    directory.create(draft())

    assert reason_of(lambda: directory.restore(anna.user_id)) is Reason.ALREADY_EXISTS


def test_a_domain_counts_when_its_proof_is_in_dns(directory: Directory) -> None:
    """Users would be created in a domain that belongs to somebody else."""
    domains = directory.domains
    domains.add("school.org")
    assert reason_of(lambda: domains.verify("school.org")) is Reason.DNS_NOT_VISIBLE
    assert reason_of(lambda: directory.create(draft(upn="a@school.org"))) is Reason.INVALID
    domains.publish("school.org", domains.verification_text("school.org"))
    domains.verify("school.org")
    domains.add("pupils.school.org")

    assert directory.create(draft(upn="a@pupils.school.org")).upn == "a@pupils.school.org"


def test_a_password_is_in_no_representation(directory: Directory) -> None:
    """Every failing assertion would print it."""
    assert GOOD_PASSWORD not in repr(directory.create(draft()))


def _is_found(directory: Directory, name: str) -> bool:
    try:
        directory.user(name)
    except DirectoryRefused:
        return False
    return True
