"""The judgement at the end: it must see what is lost, doubled or looping, and nothing else."""

from datetime import UTC, datetime

from sandbox.world.cloud import CloudMailbox
from sandbox.world.population import populate
from sandbox.world.verdict import canonical_hash, judge, marks_over
from sandbox.world.world import World


def noon() -> datetime:
    """The clock of these tests stands still."""
    return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def moved_world() -> tuple[World, str, CloudMailbox]:
    """A world whose one person was copied to the cloud, message by message, and redirected."""
    world = World(5, noon)
    (person,) = populate(world, 1, messages_each=11, over_limit_bytes=9_000)
    routing = world.naming.routing_address(person.address)
    cloud = CloudMailbox("u1", "g1", person.address, {person.address, routing}, noon())
    world.tenant.mailboxes.open(cloud)
    box = world.source.at_address(person.address)
    assert box is not None
    for folder, message in box.store.walk():
        cloud.store.folder(folder.name).add(message.raw, message.flags, message.internal_utc)
    world.aliases.edit_by_hand(person.address, [routing])
    return world, person.address, cloud


def test_a_whole_copy_is_clean() -> None:
    """A judge that finds faults where there are none would be switched off."""
    world, _, _ = moved_world()

    verdict = judge(world)

    assert verdict.clean
    assert verdict.expected_count == 12


def test_a_missing_message_is_lost_and_says_whose() -> None:
    """The promise is that nothing is lost; this is where it is kept."""
    world, address, cloud = moved_world()
    folder = next(f for f, _ in cloud.store.walk())
    folder.messages.popitem()

    (lost,) = judge(world).lost

    assert lost[0] == address
    assert not judge(world).clean
    assert judge(world).nowhere == ()


def test_a_second_copy_is_doubled() -> None:
    """A retried copy step shows here."""
    world, address, cloud = moved_world()
    folder, message = next(cloud.store.walk())
    folder.add(message.raw, message.flags, message.internal_utc)

    (doubled,) = judge(world).doubled

    assert doubled[0] == address


def test_a_message_that_the_certificate_names_is_not_lost() -> None:
    """Messages over the limit cannot arrive; named with a reason they are accounted for."""
    world, _, cloud = moved_world()
    for folder, message in list(cloud.store.walk()):
        if len(message.raw) > 9_000:
            del folder.messages[message.uid]

    assert not judge(world).clean

    verdict = judge(world, named=marks_over(world, 9_000))

    assert verdict.clean
    assert verdict.named_count == 1


def test_a_mailbox_that_stayed_is_judged_at_the_source() -> None:
    """A rolled back mailbox lives at the source; what stands in the cloud does not help its owner."""
    world, address, _ = moved_world()
    box = world.source.at_address(address)
    assert box is not None
    folder, message = next(box.store.walk())
    del folder.messages[message.uid]

    assert judge(world, in_cloud=[address]).clean
    assert len(judge(world, in_cloud=[]).lost) == 1


def test_the_canonical_hash_sees_content_and_ignores_times() -> None:
    """Two runs that came to the same end by other roads must compare as equal."""
    first, second = moved_world()[0], moved_world()[0]
    assert canonical_hash(first) == canonical_hash(second)

    second.aliases.edit_by_hand("x@example.org", ["y@example.org"])

    assert canonical_hash(first) != canonical_hash(second)
