"""Keys of a plan that must agree with each other.

Each check takes the usable values by dotted key; one that was already found wrong is absent, and the checks that need
it stay silent, so that nobody reads two mistakes about one slip.
"""

from collections.abc import Callable, Iterator

from bascule.domain.addresses import domain_of
from bascule.domain.plan_checks import is_loopback
from bascule.domain.plan_cohorts import check_cohorts
from bascule.domain.plan_mail_flow import check_mail_flow
from bascule.domain.plan_passwords import check_passwords
from bascule.domain.plan_shape import PlanMistake, Values
from bascule.domain.plan_submission import check_submission

HOUR_S = 3_600
DAY_S = 86_400


def check_agreement(values: Values) -> Iterator[PlanMistake]:
    """Yield the mistakes between keys."""
    for check in _CHECKS:
        yield from check(values)


def _routing_domain_moves_nobody(values: Values) -> Iterator[PlanMistake]:
    routing = values.get("tenant.routing_domain")
    if routing and routing in values.get("tenant.domains", ()):
        yield PlanMistake(
            "tenant.routing_domain",
            f"is also in tenant.domains: {routing}",
            "Mail forwarded there would come back: name a domain that stays in the tenant",
        )


def _home_is_not_the_tenant(values: Values) -> Iterator[PlanMistake]:
    routing, form = values.get("tenant.routing_domain"), values.get("alias_map.home_form")
    if routing and form and domain_of(form).lower() == routing:
        yield PlanMistake(
            "alias_map.home_form",
            f"sends mail home to the routing domain {routing}",
            "Write what the alias map holds for a mailbox that is still on Dovecot",
        )


def _security_is_on(values: Values) -> Iterator[PlanMistake]:
    host = values.get("source.host")
    if values.get("source.security") == "none" and host and not is_loopback(host):
        yield PlanMistake(
            "source.security",
            f"is 'none' for {host}, which would carry passwords in clear",
            "Write ssl or starttls; none is for this machine itself",
        )


def _master_is_apart(values: Values) -> Iterator[PlanMistake]:
    master, separator = values.get("source.master_user"), values.get("source.master_separator")
    if not master:
        return
    if separator == "":
        yield PlanMistake("source.master_separator", "is empty", "Write Dovecot's, such as *")
    elif separator and separator in master:
        yield PlanMistake(
            "source.master_user",
            f"has the separator {separator} in it",
            "Write the master user's name alone",
        )


def _map_can_be_reached(values: Values) -> Iterator[PlanMistake]:
    driver = values.get("alias_map.driver")
    needed = {"mysql": ("host", "database", "user"), "sqlite": ("path",)}
    for name in needed.get(driver or "", ()):
        if values.get(f"alias_map.{name}") == "":
            yield PlanMistake(
                f"alias_map.{name}", f"is missing, and the driver {driver} needs it", "Add it"
            )


def _map_columns_differ(values: Values) -> Iterator[PlanMistake]:
    source = values.get("alias_map.source_column")
    if source and source == values.get("alias_map.destination_column"):
        yield PlanMistake(
            "alias_map.destination_column",
            f"is the source column too: {source}",
            "Name the two columns of the map",
        )


def _notice_has_a_text(values: Values) -> Iterator[PlanMistake]:
    for name in ("migrated", "password"):
        if values.get(f"notices.{name}_subject") and values.get(f"notices.{name}_text") == "":
            yield PlanMistake(
                f"notices.{name}_text",
                "is empty although there is a subject",
                "Write the text, or remove the subject to send nothing",
            )


def _waits_fit(values: Values) -> Iterator[PlanMistake]:
    for key, unit_s, least_key, least_unit_s, why in _LONGER_THAN:
        wait, least = values.get(key), values.get(least_key)
        if wait is not None and least is not None and wait * unit_s < least * least_unit_s:
            yield PlanMistake(key, f"is shorter than {least_key} ({least})", why)


def _probes_fit(values: Values) -> Iterator[PlanMistake]:
    """Both ways: a hold, and then all probes one after the other."""
    names = ("probe_count", "probe_interval_s", "probe_patience_s")
    numbers = [values.get(f"cutover.{name}") for name in names]
    if any(number is None for number in numbers):
        return
    count, interval_s, patience_s = (int(number or 0) for number in numbers)
    for patience, hold in (("detach_h", "hold_s"), ("rollback_h", "alias_hold_s")):
        limit_h, hold_s = values.get(f"patience.{patience}"), values.get(f"cutover.{hold}")
        if limit_h is None or hold_s is None:
            continue
        if limit_h * HOUR_S < hold_s + count * interval_s + patience_s:
            yield PlanMistake(
                f"patience.{patience}",
                f"ends before {count} probes, one each {interval_s} s after the hold of {hold_s} s, can have arrived",
                f"Lengthen it, shorten cutover.{hold}, or ask for fewer probes",
            )


# key, its unit, the key it must not be shorter than, that one's unit, why
_LONGER_THAN = (
    ("cutover.probe_patience_s", 1, "cutover.probe_interval_s", 1,
     "Lengthen it: a probe must be given up after the next one is due, not before"),
    ("patience.final_sync_days", DAY_S, "cutover.quiet_s", 1,
     "Lengthen it: the source must be quiet that long within the final sync"),
    ("patience.gather_h", HOUR_S, "sync.supplement_gather_s", 1,
     "Lengthen it, or gather late mailboxes for a shorter time"),
)  # fmt: skip

_CHECKS: tuple[Callable[[Values], Iterator[PlanMistake]], ...] = (
    _routing_domain_moves_nobody,
    _home_is_not_the_tenant,
    _security_is_on,
    _master_is_apart,
    _map_can_be_reached,
    _map_columns_differ,
    _notice_has_a_text,
    check_passwords,
    _waits_fit,
    _probes_fit,
    check_cohorts,
    check_mail_flow,
    check_submission,
)
