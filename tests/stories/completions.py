"""A tenant whose mailboxes have all moved, and the operator who completes it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from activities.completion_gate import completion_of, entries_of_completion
from activities.wake_stories import revive_story, wake_story
from bascule.domain.addresses import mailbox_key
from bascule.domain.codec import encode
from bascule.domain.completion import (
    COMPLETION,
    CompletionRecord,
    CompletionRef,
    Phase,
    Word,
)
from bascule.domain.plan import Plan
from bascule.domain.plan_dns import DnsPlan
from bascule.domain.records import BatchRecord, MailboxRecord
from bascule.domain.stages import Stage
from sandbox.bound.ports import BoundPorts
from sandbox.in_process.simulation import BATCH, Simulation
from sandbox.world.dns import OLD_TTL_S, POSTFIX_ADDRESSES
from tests.stories.endings import all_migrated
from triggers.completion_view import completion_view
from triggers.completion_words import say

STORY = "tenant_completion"
DOMAIN = "example.org"
TENANT_MX = "0 example-org.mail.protection.outlook.com"
OLD_SPF = f"v=spf1 {' '.join(f'ip4:{each}' for each in POSTFIX_ADDRESSES)} -all"
OLD_MX = ("10 mx1.example.org", "20 mx2.example.org")
BOTH = OLD_SPF.replace("-all", "include:spf.protection.outlook.com -all")
ALONE = "v=spf1 include:spf.protection.outlook.com -all"
LOW_TTL_S = 300
# Fewer looks than the plan's own number makes, so that days pass quickly.
LOOK_S = 1_800


def with_dns(plan: Plan) -> Plan:
    """The simulated plan with what a completion needs."""
    return replace(plan, dns=DnsPlan(source_senders=POSTFIX_ADDRESSES, look_s=LOOK_S))


class Zone:
    """The domain's zone, as its owner edits it."""

    def __init__(self, ports: BoundPorts) -> None:
        self._zones = ports.public_dns.zones
        self.servers = self._zones.SERVERS

    def lower_ttls(self) -> None:
        """The old records, to be forgotten sooner."""
        self._publish("MX", OLD_MX)
        self._publish("TXT", (OLD_SPF,))

    def change(self, *servers: str) -> None:
        """What the zone-file difference says."""
        self._publish("MX", (TENANT_MX,), *servers)
        self._publish("TXT", (BOTH,), *servers)
        target = ("autodiscover.outlook.com",)
        self._zones.publish(f"autodiscover.{DOMAIN}", "CNAME", target, LOW_TTL_S, *servers)

    def separate(self) -> None:
        """SPF for the tenant alone."""
        self._publish("TXT", (ALONE,))

    def _publish(self, kind: str, values: tuple[str, ...], *servers: str) -> None:
        self._zones.publish(DOMAIN, kind, values, LOW_TTL_S, *servers)


class Operator:
    """Says words, edits the zone, and looks."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.ports = simulation.ports
        self.zone = Zone(simulation.ports)

    def migrate_everybody(self) -> None:
        """Every mailbox moved, its batch closed."""
        self.simulation.upload()
        all_migrated(self.simulation)
        self.simulation.run_until_closed()

    def have_everybody_migrated(self) -> None:
        """The ledger as a migration leaves it, without living one: the end does not look at more of it."""
        now_utc = self.simulation.clock.now_utc()
        batch = BatchRecord(BATCH, "fingerprint", 1, now_utc, is_open=True, closed_utc=now_utc)
        person = self.simulation.people[0]
        self.ports.ledger.add_batch(batch)
        key = mailbox_key(person.address)
        moved = MailboxRecord(BATCH, key, person.address, person.user_name)
        self.ports.ledger.add_mailboxes(
            [replace(moved, stage=Stage.MIGRATED, migrated_utc=now_utc, closed_utc=now_utc)]
        )

    def say(self, word: Word) -> None:
        """A word, as the API takes it."""
        self.write_word(word)
        self.ring()
        self.simulation.settle()

    def write_word(self, word: Word) -> None:
        """A word that is written down, and nobody is told of it yet."""
        say(self.ports, word, "approver@example.org")

    def ring(self) -> None:
        """Ring the story's bell, or start it; nothing runs yet."""
        client = self.simulation.engine.client()
        asyncio.run(wake_story(client, STORY, COMPLETION, encode(CompletionRef())))

    def revive(self) -> None:
        """What the timer does every quarter of an hour."""
        client = self.simulation.engine.client()
        asyncio.run(revive_story(client, STORY, COMPLETION, encode(CompletionRef())))
        self.simulation.settle()

    # -- what can be seen ---------------------------------------------------------------------

    @property
    def record(self) -> CompletionRecord:
        """The document."""
        found = completion_of(self.ports)
        assert found is not None
        return found

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        return self.record.phase

    def view(self) -> dict[str, Any]:
        """As the API shows it."""
        return completion_view(self.ports)

    def run_until(self, *phases: Phase, days: float = 30) -> None:
        """Let time pass until it stands at one of these."""
        self.simulation.run_until(lambda: self.phase in phases, days)

    def deeds(self) -> list[str]:
        """What the journal says was done to the tenant, words left out."""
        entries = list(entries_of_completion(self.ports))
        return [f"{e.effect}: {e.after}" for e in entries if not e.effect.startswith("word")]

    # -- the whole way ------------------------------------------------------------------------

    def come_to_ready(self) -> None:
        """From the first word to where the first irreversible one is waited for."""
        self.say(Word.BEGIN)
        self.zone.lower_ttls()
        self.run_until(Phase.CHANGING)
        self.zone.change()
        self.run_until(Phase.READY)

    def complete(self, between: Callable[[], None] = lambda: None) -> None:
        """The whole way; `between` happens after every word."""
        self.come_to_ready()
        steps = (
            (Word.AUTHORITATIVE, Phase.ROUTING),
            (Word.ROUTING, Phase.ENDPOINT),
            (Word.ENDPOINT, Phase.KEYS),
            (Word.KEYS, Phase.SEPARATING),
        )
        for word, phase in steps:
            self.say(word)
            between()
            self.run_until(phase)
        self.zone.separate()
        self.run_until(Phase.COMPLETE)


__all__ = ["LOOK_S", "OLD_TTL_S", "Operator", "Zone", "with_dns"]
