"""Everything a story on the real servers needs, started together: people, servers, tenant, app, operator and post."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sandbox.local_host.clock import real_now_utc
from sandbox.rehearsal.judgement import Judgement, judge_mail
from sandbox.rehearsal.operator import Operator
from sandbox.rehearsal.post import Post
from sandbox.rehearsal.real_source import RealSource
from sandbox.rig.rig import Rig, RigOptions
from sandbox.servers.dovecot import Room
from sandbox.servers.machine import require_servers
from sandbox.world.licences import Seats
from sandbox.world.population import Person, populate
from sandbox.world.weather import ORDINARY, Span, Weather

# The servers are real and work in real time; what the weather does to them is not drawn but done.
WEATHER = replace(
    ORDINARY,
    mailbox_provisioning=Span(60, 900),
    group_cache_age=Span(60, 2400),
    rule_change=Span(60, 300),
    delta_late=Span(0, 1800),
    exchange_odd_error_probability=0.05,
    source_unreachable_probability=0.0,
    source_lost_reply_probability=0.0,
)
STUDENT = "STANDARDWOFFPACK_STUDENT"
BATCH = "rentree"
MESSAGES_EACH = 14
SPARE_SEATS = 5
# The rehearsal's time starts in the past and stays there, so that what Dovecot stamps with the real time is new to it.
HEAD_START = timedelta(days=30)
PEOPLE_PER_LIST = 4
# Dovecot looks at its file of users once a second.
USERS_READ_S = 1.2


@dataclass(frozen=True)
class StageOptions:
    """What is played, and how. `speed` is virtual seconds in a real one."""

    mailbox_count: int = 40
    seed: int = 1
    speed: float = 120.0
    weather: Weather = WEATHER
    list_count: int = 4
    messages_each: int = MESSAGES_EACH
    security: str = "ssl"
    has_master: bool = False
    plan: str = ""
    """Sections that replace the played plan's own, as an operator's `plan.toml`; empty: none."""


@dataclass(frozen=True)
class Stage:
    """A running rehearsal."""

    rig: Rig
    source: RealSource
    people: tuple[Person, ...]
    operator: Operator
    post: Post

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of everybody."""
        return tuple(person.address for person in self.people)

    def share_lists(self) -> None:
        """Make every second list a group of the tenant; mail to the others goes by Postfix as before."""
        for address in sorted(self.source.lists)[::2]:
            self.source.share_list(self.rig.world, address)

    def fill_up(self, refusing: str, deferring: str) -> None:
        """Take all room from two mailboxes: one refuses its mail, the other asks for patience; a letter to each."""
        for address, room in (
            (refusing, Room.NONE_REFUSING),
            (deferring, Room.NONE_DEFERRING),
        ):
            self.source.fill_up(self.rig.world, address, room)
        threading.Event().wait(USERS_READ_S)
        for address in (refusing, deferring):
            self.post.from_outside(address)

    def drain(self) -> None:
        """Wait until nothing is in a queue on either side."""

        def is_quiet() -> bool:
            return not (self.rig.world.mail_in_flight_count() or self.source.in_flight_count())

        self.operator.wait_until(is_quiet, "quiet queues")
        # What left one queue a moment ago may be entering the other.
        self.operator.wait_until(is_quiet, "queues that stay quiet")

    def judge(self) -> Judgement:
        """The verdict over everything that was sent."""
        self.drain()
        return judge_mail(self.rig.world, self.source, self.post.letters)


@contextmanager
def opened_stage(options: StageOptions) -> Iterator[Stage]:
    """Start everything; stop it at the end, with nothing left behind. Raises ServersMissing."""
    require_servers()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bascule-rehearsal-")))
        source = stack.enter_context(
            RealSource(security=options.security, has_master=options.has_master)
        )
        rig = stack.enter_context(Rig(folder, _rig_options(folder, options), source))
        people = tuple(
            populate(rig.world, options.mailbox_count, messages_each=options.messages_each)
        )
        seats = Seats(enabled=options.mailbox_count + SPARE_SEATS)
        rig.world.tenant.directory.buy(STUDENT, seats)
        rig.open()
        addresses = tuple(person.address for person in people)
        _make_lists(rig, source, addresses, options.list_count)
        post = Post(rig.world, source, addresses, options.seed)
        stack.callback(post.close)
        yield Stage(rig, source, people, Operator(rig, BATCH), post)


def _rig_options(folder: Path, options: StageOptions) -> RigOptions:
    plan = folder / "operators-plan.toml"
    if options.plan:
        plan.write_text(options.plan, encoding="utf-8")
    return RigOptions(
        seed=options.seed,
        speed=options.speed,
        weather=options.weather,
        plan=plan if options.plan else None,
        start_utc=real_now_utc() - HEAD_START,
    )


def _make_lists(rig: Rig, source: RealSource, addresses: tuple[str, ...], count: int) -> None:
    for index in range(count):
        members = addresses[index :: max(1, len(addresses) // PEOPLE_PER_LIST)]
        address = f"liste.{index}@{rig.world.naming.domain}"
        # Administrators write both, and one in each form is a group of the tenant too.
        source.add_list(rig.world, address, members, is_one_row=index % 4 >= 2)
