"""Deliberate bugs, each switched on alone, to prove that the checkers bite.

An arm wraps one step of the product. It does what a plausible mistake in that step would do, in the same world.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from bascule.domain.addresses import mailbox_key
from bascule.domain.codec import decode, encode
from bascule.domain.codes import Offence
from bascule.domain.records import MailboxRecord, Wish
from bascule.domain.replies import Done
from bascule.domain.requests import (
    DeltaFacts,
    MarkFacts,
    ProbeFacts,
    ProbePlace,
    Progress,
    SwitchRequest,
    WishRequest,
)
from bascule.domain.stages import Stage
from bascule.ports.bundle import Ports
from sandbox.in_process.app import Activity as Step
from sandbox.in_process.plan import NOTICE_SUBJECT
from sandbox.simulate.draw import draw_life
from sandbox.simulate.existence import START_UTC, ChangeStep, Existence
from sandbox.simulate.hosts import swift_host
from sandbox.simulate.life import Deed, DeedKind, Fault, FaultKind, Life, Plot
from sandbox.simulate.living import Outcome, live
from sandbox.world.exchange_refusals import MemberAlready, NotFound
from sandbox.world.weather import Span

SEEDS_MAX = 200
HELD_BACK = Span(300, 4000)

Bug = Callable[[Existence, Step], Step]


def _row(life: Existence, request: Any) -> MailboxRecord:
    ref = request.get("ref", request)
    record = life.ports.ledger.find_mailbox(ref["batch"], ref["key"])
    if record is None:
        raise KeyError(ref["key"])
    return record


def _join(life: Existence, address: str) -> None:
    """As far as it goes: somebody without a mailbox, or no group at all, is no trouble of this bug's."""
    with suppress(MemberAlready, NotFound):
        life.world.tenant.groups.add_member(life.names.group_address, address)


def order_reversed(life: Existence, step: Step) -> Step:
    """The alias is turned before the mailbox has left the group."""

    def wrong(request: Any) -> Any:
        record = _row(life, request)
        to = life.plan.routing_address(record.address)
        life.world.aliases.replace(record.address, record.route_home, to)
        return step(request)

    return wrong


def turned_before_probe(life: Existence, step: Step) -> Step:
    """Out of the group is taken for proven: the alias is turned before the first probe."""

    def wrong(request: Any) -> Any:
        record = _row(life, request)
        if record.proven_stage is Stage.SYNCED and record.rollback_began_utc is None:
            to = life.plan.routing_address(record.address)
            life.world.aliases.replace(record.address, record.route_home, to)
        return step(request)

    return wrong


def joined_before_read_back(life: Existence, step: Step) -> Step:
    """The way back goes on to the group as soon as the alias is written."""

    def wrong(request: Any) -> Any:
        answer = step(request)
        record = _row(life, request)
        if record.rollback_began_utc is not None:
            _join(life, record.address)
        return answer

    return wrong


def read_back_trusted(life: Existence, _: Step) -> Step:
    """A probe that was sent is taken for one that has arrived where it should."""

    def wrong(request: Any) -> Any:
        is_on_way_back = _row(life, request).rollback_began_utc is not None
        place = ProbePlace.SOURCE if is_on_way_back else ProbePlace.CLOUD
        return encode(Done(ProbeFacts(place)))

    return wrong


def alias_not_idempotent(life: Existence, step: Step) -> Step:
    """Found already turned, the alias is turned back."""

    def wrong(request: Any) -> Any:
        change = decode(SwitchRequest, request).change
        if life.world.aliases.rows_of(change.address) == [change.after]:
            life.world.aliases.replace(change.address, change.after, change.before)
        return step(request)

    return wrong


def final_sync_not_tied(_: Existence, __: Step) -> Step:
    """Any delta counts as the last one, whenever it began."""
    return lambda _request: encode(Done(DeltaFacts(START_UTC)))


def sweep_left_out(_: Existence, __: Step) -> Step:
    """Mail that reaches the source after the redirect is never noticed."""
    return lambda _request: encode(Done(MarkFacts("quiet")))


def seat_not_reserved(_: Existence, __: Step) -> Step:
    """A batch is taken in without a look at the seats."""
    return lambda _request: encode(Done(1))


def claims_kept(life: Existence, step: Step) -> Step:
    """A batch that is refused keeps the addresses that it has claimed."""

    def wrong(request: Any) -> Any:
        name, ledger = request["name"], life.ports.ledger
        held = {key for key, holder in ledger.claimed().items() if holder == name}
        reply = step(request)
        ledger.claim(name, [p.address for p in life.people if mailbox_key(p.address) in held])
        return reply

    return wrong


def not_repeatable(life: Existence, step: Step) -> Step:
    """A batch that is there already is somebody's mistake, not an answer that was lost."""

    def wrong(request: Any) -> Any:
        if life.ports.ledger.find_batch(request["name"]) is not None:
            raise ValueError("the batch is there already")
        return step(request)

    return wrong


def told_without_look(life: Existence, _: Step) -> Step:
    """The notice is sent whenever the step runs."""

    def wrong(request: Any) -> Any:
        life.ports.notifier.tell_user(_row(life, request).address, NOTICE_SUBJECT, "Welcome.")
        return encode(Done(True))

    return wrong


def pages_without_end(_: Existence, step: Step) -> Step:
    """The mailboxes of a batch are listed one by one, and always from the first."""
    return lambda request: step({**request, "after": "", "count_max": 1})


def group_joined_on_retry(life: Existence, step: Step) -> Step:
    """A retry begins with the group, wherever the mailbox stands."""

    def wrong(request: Any) -> Any:
        progress = decode(Progress, request)
        if progress.served_wish is Wish.RETRY:
            _join(life, progress.record.address)
        return step(request)

    return wrong


def group_joined_first_on_rollback(life: Existence, step: Step) -> Step:
    """The way back begins with the group, the alias still at the tenant."""

    def wrong(request: Any) -> Any:
        progress = decode(Progress, request)
        if progress.served_wish is Wish.ROLLBACK:
            _join(life, progress.record.address)
        return step(request)

    return wrong


def recorded_before_read_back(_: Existence, __: Step) -> Step:
    """A licence that was given is taken for a mailbox that is open."""
    return lambda _request: encode(Done(True))


def password_in_alert(life: Existence, step: Step) -> Step:
    """A survey that meets trouble tells the operator with which password."""

    def wrong(request: Any) -> Any:
        record = _row(life, request)
        password = life.ports.secrets.open(record.batch, record.key)
        life.ports.notifier.alerts.append(("Survey", f"{record.address} {password}"))
        return step(request)

    return wrong


def new_password_in_alert(life: Existence, step: Step) -> Step:
    """An account that was created is told to the operator, with its first password."""

    def wrong(request: Any) -> Any:
        reply = step(request)
        address = _row(life, request).address
        user = life.world.tenant.directory.truth(address)
        if user is not None:
            life.ports.notifier.alerts.append(("New account", f"{address} {user.password}"))
        return reply

    return wrong


def password_in_error(life: Existence, _: Step) -> Step:
    """A step that fails says with which password it tried."""

    def wrong(request: Any) -> Any:
        record = _row(life, request)
        raise ValueError(f"no login with {life.ports.secrets.open(record.batch, record.key)}")

    return wrong


def waived_unread(_: Existence, step: Step) -> Step:
    """Every cutover waives that other alias rows lead straight home."""

    def wrong(request: Any) -> Any:
        asked = decode(WishRequest, request)
        return step(encode(replace(asked, waived=(*asked.waived, Offence.ALIAS_BYPASSED))))

    return wrong


def upload_left(_: Existence, __: Step) -> Step:
    """A batch that was taken in leaves its file, passwords and all, where it was uploaded."""
    return lambda _request: encode(Done(True))


def certificate_trusted(_: Existence, step: Step) -> Step:
    """The certificate is written, and nobody reads that something is missing."""

    def wrong(request: Any) -> Any:
        reply = step(request)
        if reply["$type"] == "Done":
            reply["value"]["missing_count"] = 0
        return reply

    return wrong


def certificate_empty(life: Existence, step: Step) -> Step:
    """The whole certificate is written over by an empty one; its figures are right."""

    def wrong(request: Any) -> Any:
        reply = step(request)
        for path in life.ports.blobs.reports:
            if path.endswith(".certificate.json"):
                life.ports.blobs.reports[path] = b"{}"
        return reply

    return wrong


def certificate_silent(life: Existence, step: Step) -> Step:
    """What is too large is left out of the certificate, as if it had never been there."""

    def wrong(request: Any) -> Any:
        reply = step(request)
        for path, written in life.ports.blobs.reports.items():
            if path.endswith(".certificate.json"):
                silent = json.dumps({**json.loads(written), "named": []})
                life.ports.blobs.reports[path] = silent.encode()
        return reply

    return wrong


def as_drawn(life: Life) -> Life:
    """Any life."""
    return life


def held_back(life: Life) -> Life:
    """The same life when Postfix holds mail back for an hour, and somebody writes just before the alias turns."""
    weather = replace(life.weather, postfix_deferral_probability=0.4, postfix_retry=HELD_BACK)
    letters = (
        Plot(Stage.DETACHED, Deed(0.0, DeedKind.MAIL_OUTSIDE, people=(number,)))
        for number in range(life.people_count)
    )
    return replace(life, weather=weather, plots=(*life.plots, *letters))


def notice_repeated(life: Life) -> Life:
    """The same life when the host repeats the first notice."""
    return replace(life, faults=(*life.faults, Fault(FaultKind.STEP_TWICE, "tell_user")))


@dataclass(frozen=True)
class Arm:
    """A bug: the promise that it breaks, the steps that are wrong, and in which lives. With two safeguards both must be gone."""

    promise: str
    bugs: Mapping[str, Bug]
    lives: Callable[[Life], Life] = as_drawn


ARMS: Mapping[str, Arm] = {
    "order reversed": Arm("1 no loop", {"leave_coexistence": order_reversed}),
    "alias turned before the first probe": Arm("3 order", {"send_probe": turned_before_probe}),
    "group joined before the alias is read back": Arm(
        "3 order", {"switch_route": joined_before_read_back}
    ),
    "read-back trusted": Arm(
        "2 nothing lost, nothing doubled", {"look_for_probe": read_back_trusted}
    ),
    "alias update not idempotent": Arm("3 order", {"switch_route": alias_not_idempotent}),
    "final sync not tied to the redirect": Arm(
        "6 no false green",
        {"request_delta": final_sync_not_tied, "certify": certificate_trusted},
    ),
    "sweep left out": Arm(
        "6 no false green",
        {"read_marks": sweep_left_out, "certify": certificate_trusted},
        held_back,
    ),
    "certificate left empty": Arm(
        "2 nothing lost, nothing doubled", {"certify": certificate_empty}
    ),
    "certificate silent on what is too large": Arm(
        "2 nothing lost, nothing doubled", {"certify": certificate_silent}
    ),
    "seat not reserved": Arm("5 seats", {"reserve_seats": seat_not_reserved}),
    "refused batch keeps its addresses": Arm("5 seats", {"refuse_upload": claims_kept}),
    "upload taken in only once": Arm("4 repeatable", {"register_batch": not_repeatable}),
    "notice sent without a look": Arm(
        "4 repeatable", {"tell_user": told_without_look}, notice_repeated
    ),
    "pages without end": Arm("8 bounded", {"list_keys": pages_without_end}),
    "group joined on retry": Arm("3 order", {"record_progress": group_joined_on_retry}),
    "group joined first on rollback": Arm(
        "3 order", {"record_progress": group_joined_first_on_rollback}
    ),
    "stage recorded before read-back": Arm(
        "6 no false green", {"find_cloud_mailbox": recorded_before_read_back}
    ),
    "password in an alert": Arm("7 secrets", {"survey_source": password_in_alert}),
    "first password in an alert": Arm("7 secrets", {"ensure_account": new_password_in_alert}),
    "password in an error": Arm("7 secrets", {"survey_source": password_in_error}),
    "other ways home waived unread": Arm("6 no false green", {"grant_wish": waived_unread}),
    "upload not withdrawn": Arm("7 secrets", {"withdraw_upload": upload_left}),
}


def found_by(arm: str, seeds_max: int = SEEDS_MAX) -> Outcome | None:
    """The first life that breaks the arm's promise with this bug in the product; None when all keep it."""
    promise, lives = ARMS[arm].promise, map(ARMS[arm].lives, map(draw_life, range(seeds_max)))
    outcomes = (live(life, make_host=host_with(arm)) for life in lives)
    return next((outcome for outcome in outcomes if outcome.broken == promise), None)


def host_with(arm: str) -> Callable[[Existence, Ports, ChangeStep], Any]:
    """A host whose one step is wrong."""
    bugs = ARMS[arm].bugs

    def make(life: Existence, ports: Ports, _: ChangeStep) -> Any:
        def change(step: Step) -> Step:
            bug = bugs.get(step.__name__)
            return bug(life, step) if bug else step

        return swift_host(life, ports, change)

    return make
