"""What became of every message: the judgement that a rehearsal ends with."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.world.licences import Licence, Shelf
from sandbox.world.mail import MailStore, fingerprint, timeless_fingerprint
from sandbox.world.naming import domain_of
from sandbox.world.trace import is_probe
from sandbox.world.world import World

# (address, fingerprint): one content in one person's mailbox.
Mark = tuple[str, str]


@dataclass(frozen=True)
class Verdict:
    """The judgement. Counts are messages; `hops_max` counts crossings between source and tenant."""

    expected_count: int
    lost: tuple[Mark, ...]
    doubled: tuple[Mark, ...]
    nowhere: tuple[Mark, ...]
    named_count: int
    bounced_count: int
    loop_count: int
    hops_max: int
    in_flight_count: int

    @property
    def clean(self) -> bool:
        """Nothing lost, doubled, looping, bounced or under way."""
        return not (
            self.lost
            or self.doubled
            or self.loop_count
            or self.bounced_count
            or self.in_flight_count
        )


def judge(
    world: World,
    *,
    in_cloud: Collection[str] | None = None,
    named: Mapping[Mark, int] | None = None,
) -> Verdict:
    """Compare what must exist with what does.

    `in_cloud` are the addresses of the mailboxes that live in the tenant now; unless given, those whose alias row
    points there. `named` counts the messages that a certificate names with a reason; each may be missing that often.
    `lost` is missing where its mailbox lives; `nowhere` is missing on both sides together.
    """
    with world.kernel.look():
        moved = redirected(world) if in_cloud is None else {each.lower() for each in in_cloud}
        people = {box.address for box in world.source.all()}
        expected = _expected(world, people)
        excused = Counter(named or {})
        held, anywhere = _held(world, people, moved)
        lost = expected - held
        return Verdict(
            expected_count=expected.total(),
            lost=_each(lost - excused),
            doubled=_each(held - expected),
            nowhere=_each(expected - anywhere - excused),
            named_count=(lost & excused).total(),
            bounced_count=sum(j.bounced is not None for j in world.trace.journeys.values()),
            loop_count=len(world.trace.loops()),
            hops_max=world.trace.hops_max(),
            in_flight_count=world.mail_in_flight_count(),
        )


def redirected(world: World) -> set[str]:
    """The addresses whose alias rows point at the tenant."""
    initial = world.naming.initial_domain
    return {s.lower() for s, d in world.aliases.all_rows() if domain_of(d) == initial}


def marks_over(world: World, limit_bytes: int) -> Counter[Mark]:
    """The source messages larger than the limit, as `judge` takes them for `named`."""
    with world.kernel.look():
        return Counter(
            (box.address, fingerprint(message.raw))
            for box in world.source.all()
            for _, message in box.store.walk()
            if len(message.raw) > limit_bytes
        )


def canonical_hash(world: World) -> str:
    """Hex SHA-256 of the canonical end state; two runs that came to the same end have the same."""
    written = json.dumps(canonical_state(world), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


def canonical_state(world: World) -> dict[str, Any]:
    """The end state without times, ids and probes: what must be equal after any crash, retry or reordering."""
    with world.kernel.look():
        mailboxes = sorted(world.tenant.mailboxes.all(), key=lambda m: m.primary_address)
        return {
            "aliases": [list(row) for row in world.aliases.all_rows()],
            "groups": _groups(world),
            "licences": _licences(world),
            "source": {box.address: _folders(box.store) for box in world.source.all()},
            "cloud": {box.primary_address: _folders(box.store) for box in mailboxes},
        }


def _groups(world: World) -> dict[str, list[str]]:
    groups = world.tenant.groups
    return {
        group.primary_address: sorted(m.primary_address for m in groups.members(group.guid))
        for group in groups.seen()
    }


def _licences(world: World) -> dict[str, dict[str, list[str]]]:
    """For each account of a source person or a cloud mailbox: product to the plans that are on."""
    directory = world.tenant.directory
    names = [box.address for box in world.source.all()]
    names += [box.user_id for box in world.tenant.mailboxes.all()]
    users = [user for name in names if (user := directory.truth(name)) is not None]
    return {user.upn.lower(): _plans_on(user.licences, directory.shelf) for user in users}


def _plans_on(licences: Iterable[Licence], shelf: Shelf) -> dict[str, list[str]]:
    products = [(shelf.products[each.sku_id], each.disabled_plans) for each in licences]
    return {
        product.part_number: sorted(p.name for p in product.plans if p.plan_id not in disabled)
        for product, disabled in products
    }


def _expected(world: World, people: set[str]) -> Counter[Mark]:
    accepted = world.trace.expected()
    return world.initial_mail + Counter({m: n for m, n in accepted.items() if m[0] in people})


def _held(world: World, people: set[str], moved: set[str]) -> tuple[Counter[Mark], Counter[Mark]]:
    home: Counter[Mark] = Counter()
    anywhere: Counter[Mark] = Counter()
    for address in sorted(people):
        at_source = world.source.at_address(address)
        in_cloud = world.tenant.mailboxes.at_address(address)
        old = _marks(address, at_source.store) if at_source else Counter()
        new = _marks(address, in_cloud.store) if in_cloud else Counter()
        home += new if address in moved else old
        anywhere += old | new
    return home, anywhere


def _marks(address: str, store: MailStore) -> Counter[Mark]:
    return Counter((address, fingerprint(m.raw)) for _, m in store.walk() if not is_probe(m.raw))


def _folders(store: MailStore) -> dict[str, list[str]]:
    return {
        name: sorted(
            timeless_fingerprint(m.raw) for m in folder.messages.values() if not is_probe(m.raw)
        )
        for name, folder in sorted(store.folders.items())
        if folder.messages
    }


def _each(marks: Counter[Mark]) -> tuple[Mark, ...]:
    return tuple(sorted(marks.elements()))
