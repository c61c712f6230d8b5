"""A large directory over the wire: how many calls a comparison takes, and what a second application writes.

Together about a minute: 2 000 groups are made and read over HTTP.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from activities.apply_directory import CHUNK_COUNT_MAX, apply_directory, perform
from activities.compare_directory import compare_directory
from activities.directory_look import difference_of
from activities.directory_wishes import ask_for_application, keep_upload
from activities.read_directory import read_directory
from bascule.domain.directory_objects.changes import Deed
from bascule.domain.directory_objects.records import ChunkRequest, DirectoryRef, Phase
from bascule.domain.directory_objects.values import WantedDirectory, WantedGroup
from bascule.ports.recipients import Recipients
from sandbox.bound.ports import BoundPorts, bound_ports
from sandbox.in_process.plan import plan_of
from sandbox.world.cloud import CloudMailbox
from sandbox.world.coexistence import Coexistence
from sandbox.world.groups import DistributionGroup
from sandbox.world.misfortune import Failure
from sandbox.world.world import World
from tests.contracts.recipient_doors import recipients
from tests.contracts.tenant_doors import Tenant, tenant

pytestmark = pytest.mark.slow

GROUP_COUNT = 2_000
MEMBERSHIP_COUNT = 20_000
NESTED_COUNT = 200
PEOPLE_COUNT = 1_500
CALLS_MAX = 60
WRITES = {"New", "Set", "Add", "Remove", "Update"}
OWNER = "p0@example.org"
# Sizes as in a school: many classes, some years, a few that nearly everybody is in. Together 20 000.
SIZES = (*(7 for _ in range(1_800)), *(20 for _ in range(150)), *(80 for _ in range(50)))


def person(number: int) -> str:
    """An address."""
    return f"p{number % PEOPLE_COUNT}@example.org"


def members_of(number: int, size: int) -> tuple[str, ...]:
    """So many people, the last of them replaced by the group before in every tenth group."""
    people = [person(number * 13 + each) for each in range(size)]
    if number % 10 == 9:
        people[-1] = f"g{number - 1:04}@example.org"
    return tuple(sorted(people))


def wanted() -> WantedDirectory:
    """2 000 groups with 20 000 memberships, one group in ten inside the one before it."""
    sizes = [*SIZES]
    sizes[0] += MEMBERSHIP_COUNT - sum(sizes)
    groups = tuple(
        WantedGroup(
            f"g{number:04}@example.org",
            f"Group {number}",
            (OWNER,),
            members_of(number, size),
        )
        for number, size in enumerate(sizes)
    )
    return WantedDirectory(groups=groups)


@pytest.fixture(scope="module")
def school() -> Tenant:
    """A tenant with 1 500 mailboxes."""
    found = tenant()
    with found.world.kernel.look():
        for number in range(PEOPLE_COUNT):
            open_mailbox(found.world, number)
    return found


@pytest.fixture
def empty() -> Tenant:
    """The same without any group."""
    found = tenant()
    with found.world.kernel.look():
        for number in range(PEOPLE_COUNT):
            open_mailbox(found.world, number)
    return found


def open_mailbox(world: World, number: int) -> None:
    """One mailbox."""
    address, now_utc = person(number), world.kernel.now_utc()
    world.tenant.mailboxes.open(
        CloudMailbox(f"u-{number}", f"m-{number}", address, {address}, now_utc)
    )


@pytest.fixture(scope="module")
def filled(school: Tenant) -> WantedDirectory:
    """What the tenant has: exactly what is wanted, made by hand."""
    directory, groups = wanted(), school.world.tenant.groups
    with school.world.kernel.look():
        for each in directory.groups:
            made = groups.create(
                DistributionGroup(
                    groups.new_guid(),
                    each.address.partition("@")[0],
                    each.display_name,
                    each.address.partition("@")[0],
                    each.address,
                    managed_by=("m-0",),
                )
            )
            for member in each.members:
                groups.add_member(made.guid, member)
    school.pass_time(hours=1)
    return directory


@pytest.fixture(scope="module")
def wire(school: Tenant, filled: WantedDirectory) -> Iterator[Recipients]:
    """The real adapter on the tenant's wire."""
    del filled
    with recipients("wire", school) as door:
        yield door


def ports_of(school: Tenant, door: Recipients) -> BoundPorts:
    """The app's ports, its recipients over the wire."""
    return replace(bound(school), recipients=door)  # type: ignore[arg-type]


def bound(school: Tenant) -> BoundPorts:
    """The app's ports in the tenant's world."""
    names = Coexistence(school.plan.coexistence_group, "", "", "", "")
    return bound_ports(school.world, plan_of(school.world, names))


def test_the_sample_is_as_large_as_promised() -> None:
    """A smaller one proves nothing."""
    directory = wanted()

    assert len(directory.groups) == GROUP_COUNT
    assert sum(len(set(group.members)) for group in directory.groups) == MEMBERSHIP_COUNT
    addresses = {group.address for group in directory.groups}
    assert sum(bool(addresses & set(group.members)) for group in directory.groups) == NESTED_COUNT


def test_a_comparison_takes_few_calls_and_finds_nothing(
    school: Tenant, wire: Recipients, filled: WantedDirectory
) -> None:
    """One call for each group would take an hour, and half of the tenant's patience."""
    before = dict(school.world.calls)
    ports = ports_of(school, wire)
    difference = difference_of(ports, filled)
    exchange = school.world.calls["exchange"] - before.get("exchange", 0)
    graph = school.world.calls["graph"] - before.get("graph", 0)

    assert (difference.changes, difference.removals, difference.waiting) == ((), (), ())
    assert exchange + graph <= CALLS_MAX


def test_what_somebody_changed_by_hand_is_found_and_put_right_and_nothing_else(
    school: Tenant, wire: Recipients, filled: WantedDirectory
) -> None:
    """Among two thousand groups, the two that differ."""
    groups, ports = school.world.tenant.groups, ports_of(school, wire)
    groups.remove_member("g1999@example.org", filled.groups[1999].members[0])
    groups.add_member(
        "g0000@example.org", OWNER if OWNER not in filled.groups[0].members else person(1_499)
    )
    school.pass_time(hours=1)
    before = school.world.calls["exchange"]
    difference = difference_of(ports, filled)

    assert [change.deed for change in difference.changes] == [Deed.ADD_MEMBER]
    assert [change.deed for change in difference.removals] == [Deed.REMOVE_MEMBER]
    assert school.world.calls["exchange"] - before <= CALLS_MAX
    for change in (*difference.changes, *difference.removals):
        perform(wire, change)
    school.pass_time(hours=1)
    again = difference_of(ports, filled)
    assert (again.changes, again.removals) == ((), ())


def test_applied_twice_the_second_time_writes_nothing(
    empty: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2 000 groups made with their people in 2 000 writes, and one for each group in a group; then, over the wire, none."""
    ports, asked = bound(empty), Counter[str]()
    before = empty.world.misfortune.before

    def counted(name: str) -> Failure | None:
        asked[name.partition(".")[2].partition("-")[0]] += 1
        return before(name)

    monkeypatch.setattr(empty.world.misfortune, "before", counted)
    keep_upload(ports, wanted(), "operator")
    live_through(empty, ports)
    writes = {verb: count for verb, count in asked.items() if verb in WRITES}
    asked.clear()
    calls_before = dict(empty.world.calls)
    with recipients("wire", empty) as door:
        live_through(empty, replace(ports, recipients=door))  # type: ignore[arg-type]

    assert writes == {"New": GROUP_COUNT, "Add": NESTED_COUNT}
    assert not set(asked) & WRITES
    assert sum((empty.world.calls - Counter(calls_before)).values()) <= CALLS_MAX


def live_through(school: Tenant, ports: BoundPorts) -> None:
    """Ask, and do what the story does until nothing is left to do."""
    ask_for_application(ports, "operator")
    for _ in range(3 * GROUP_COUNT // CHUNK_COUNT_MAX):
        standing = read_directory(ports, DirectoryRef())
        if standing.phase is Phase.APPLY:
            apply_directory(ports, ChunkRequest(standing.plan_id, standing.position))
        elif standing.phase is Phase.COMPARE:
            school.pass_time(minutes=10)
            compare_directory(ports, DirectoryRef())
        else:
            return
    raise AssertionError("still at work")
