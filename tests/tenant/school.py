"""A school whose tenant nobody has prepared yet, with the app that will: real stories and steps, no sockets."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from activities.wake_stories import wake_preparation
from bascule.domain.plan import AliasMapPlan, CohortPlan, Plan, SourcePlan, TenantPlan
from bascule.domain.plan_mail_flow import MailFlowPlan
from bascule.domain.tenant_records import PREPARATION, PREPARATION_ID, Preparation
from sandbox.bound.ports import BoundPorts, bound_ports
from sandbox.in_process.app import simulated_app
from sandbox.in_process.simulation import START_UTC
from sandbox.local_host.clock import VirtualClock
from sandbox.local_host.engine import Engine
from sandbox.world.domains import Domains
from sandbox.world.weather import CALM, Weather
from sandbox.world.world import World

OPERATOR = "operator@example.org"
STEPS_MAX = 10_000
TIMERS_MAX = 5_000
WRITING = ("New-", "Set-", "Add-", "Remove-", "Enable-", "Disable-", "Update-")

Step = Callable[[Any], Any]


class School:
    """One world with an empty tenant, one app, one clock that only this object moves."""

    def __init__(self, weather: Weather = CALM, seed: int = 5, *, is_proved: bool = True) -> None:
        self.clock = VirtualClock(START_UTC)
        self.world = World(seed, self.clock.now_utc, weather)
        if not is_proved:
            self._forget_domain()
        self.plan = plan_of(self.world)
        self.ports: BoundPorts = bound_ports(self.world, self.plan)
        self.after_step: Callable[[str], None] = lambda _: None
        """Called after each step with its name: where somebody's hand, or a kill, comes in."""
        self.calls: list[str] = []
        self.steps: list[str] = []
        self._listen()
        self.engine = Engine.in_memory(simulated_app(self.ports, self._watched), self.clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.engine.close()

    # -- what people do -----------------------------------------------------------------------

    def ask(self, *, is_repair: bool = False, days_ago: float = 0.0) -> None:
        """Ask for the preparation, as the API does."""
        self.wish(is_repair=is_repair, days_ago=days_ago)
        asyncio.run(wake_preparation(self.engine.client()))
        self.settle()

    def wish(self, *, is_repair: bool = False, days_ago: float = 0.0) -> None:
        """Write down what is asked; the bell is lost."""
        asked_utc = self.clock.now_utc() - timedelta(days=days_ago)
        wish = Preparation(OPERATOR, asked_utc, is_repair)
        self.ports.documents.amend(PREPARATION, Preparation, lambda _: wish)

    def publish_proof(self) -> None:
        """The owner of the domain publishes the record."""
        domains = self.world.tenant.directory.domains
        name = self.plan.tenant.domains[0]
        domains.publish(name, domains.verification_text(name))

    # -- time ---------------------------------------------------------------------------------

    def settle(self) -> None:
        """Run everything that needs no time to pass."""
        for _ in range(STEPS_MAX):
            if not self.engine.run_step():
                return
        raise AssertionError(f"still busy after {STEPS_MAX} steps")

    def run_until_finished(self, days: float = 40.0) -> None:
        """Let time pass, timer by timer, until the tenant is ready."""
        end_utc = self.clock.now_utc() + timedelta(days=days)
        for _ in range(TIMERS_MAX):
            self.settle()
            if self.preparation.finished_utc is not None:
                return
            if not self.engine.fire_next_timer() or self.clock.now_utc() > end_utc:
                break
        raise AssertionError(f"not ready: {self.preparation}")

    # -- what can be seen ---------------------------------------------------------------------

    @property
    def preparation(self) -> Preparation:
        """The last one that was asked for."""
        found = self.ports.documents.find(PREPARATION, Preparation)
        assert found is not None
        return found

    @property
    def output(self) -> str | None:
        """What the story answered, as JSON text; None while it runs."""
        return self.engine.control.instance(PREPARATION_ID).output

    @property
    def writes(self) -> list[str]:
        """Every writing cmdlet and Graph write so far, refused ones included."""
        return [call for call in self.calls if is_write(call)]

    def state(self) -> dict[str, Any]:
        """The tenant as an administrator sees it, without what is made up by chance."""
        tenant = self.world.tenant
        with self.world.kernel.look():
            return {
                "domains": [(d.name, d.type) for d in tenant.recipients.domains()],
                "directory": [
                    (d.name, d.is_verified, d.supported_services)
                    for d in tenant.directory.domains.all()
                ],
                "groups": [replace(group, guid="") for group in tenant.groups.seen()],
                "rules": [
                    replace(rule, guid="", group_guids=()) for rule in tenant.rules.rules_seen()
                ],
                "outbound": [replace(each, guid="") for each in tenant.rules.outbound_seen()],
                "inbound": [replace(each, guid="") for each in tenant.rules.inbound],
                "endpoints": [
                    replace(each, guid="", last_modified_utc=None)
                    for each in tenant.migration.endpoints.all()
                ],
                "mailboxes": [r.primary_address for r in tenant.recipients.all()],
            }

    def _watched(self, step: Step) -> Step:
        def looked_after(request: Any) -> Any:
            answer = step(request)
            self.steps.append(step.__name__)
            self.after_step(step.__name__)
            return answer

        looked_after.__name__ = looked_after.__qualname__ = step.__name__
        return looked_after

    def _listen(self) -> None:
        misfortune = self.world.misfortune
        ask = misfortune.before

        def before(call: str) -> Any:
            self.calls.append(call)
            return ask(call)

        misfortune.before = before  # type: ignore[method-assign]

    def _forget_domain(self) -> None:
        """The tenant has only its initial domain."""
        tenant, name = self.world.tenant, self.world.naming.domain
        fresh = Domains(tenant.initial_domain, takes_mail=tenant.directory.domains.takes_mail)
        tenant.directory.domains = fresh
        del tenant.accepted_domains[name]


def is_write(call: str) -> bool:
    """Whether a call of that name changes something."""
    service, _, what = call.partition(".")
    return what.startswith(WRITING) if service == "exchange" else not what.startswith("GET")


def plan_of(world: World) -> Plan:
    """A plan for a tenant that has nothing yet."""
    naming = world.naming
    return Plan(
        tenant=TenantPlan(
            tenant_id=world.tenant.tenant_id,
            domains=(naming.domain,),
            routing_domain=naming.initial_domain,
            coexistence_group=f"non.migres@{naming.initial_domain}",
            migration_endpoint="imap-source",
            probe_sender=f"rapport-migration@{naming.initial_domain}",
            report_mailbox=f"rapport-migration@{naming.initial_domain}",
        ),
        source=SourcePlan(host="imap.example.org", user_name_form="local"),
        alias_map=AliasMapPlan("sqlite", home_form=f"{{local}}@{naming.source_domain}"),
        cohorts={"default": CohortPlan("STANDARDWOFFPACK_STUDENT", usage_location="FR")},
        mail_flow=MailFlowPlan(
            postfix_hosts=("mx2.example.org", "mx1.example.org"), inbound_ips=("192.0.2.1",)
        ),
    )
