"""Reading `plan.toml`: the whole plan, or every mistake in it at once.

text -> tomllib -> plan_shape (keys and types) -> plan_checks (each key) -> plan_agreement (keys together) -> Plan
"""

import re
import tomllib
from typing import Any, cast

from bascule.domain.errors import BasculeError
from bascule.domain.plan import Plan
from bascule.domain.plan_agreement import check_agreement
from bascule.domain.plan_checks import check_values
from bascule.domain.plan_shape import PlanMistake, PlanReading, build, read_table

# A plan of a hundred cohorts has a fifth of this; more is a file sent by mistake.
PLAN_LENGTH_MAX = 100_000

_POSITION = re.compile(r" \(at (?P<where>[^()]*)\)$")


class PlanInvalid(BasculeError):
    """The plan cannot be used; `mistakes` names everything to put right, in the order of the checks."""

    def __init__(self, mistakes: tuple[PlanMistake, ...]) -> None:
        shown = "\n".join(str(mistake) for mistake in mistakes)
        super().__init__(f"The plan has {len(mistakes)} mistake(s):\n{shown}")
        self.mistakes = mistakes


def read_plan(text: str) -> Plan:
    """The plan that `text` (TOML 1.0) says, checked whole.

    Raises:
        PlanInvalid: with every mistake, each under its dotted key; a TOML syntax error comes alone, under its line and
            column, because nothing after it can be read.
    """
    reading = PlanReading()
    read_table(Plan, _parsed(text), "", reading)
    mistaken = [*reading.mistakes, *check_values(reading.values)]
    usable = _without(reading.values, mistaken)
    mistakes = (*mistaken, *check_agreement(usable))
    if mistakes:
        raise PlanInvalid(mistakes)
    return cast("Plan", build(Plan, "", reading.values))


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > PLAN_LENGTH_MAX:
        what = f"is longer than {PLAN_LENGTH_MAX} characters"
        raise PlanInvalid((PlanMistake("plan", what, "Send the plan, not another file"),))
    try:
        # Windows editors put a byte order mark first, which TOML does not know.
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise PlanInvalid((_syntax_mistake(str(error)),)) from None
    except RecursionError:
        raise PlanInvalid((PlanMistake("plan", "is nested too deeply", "Flatten it"),)) from None


def _syntax_mistake(message: str) -> PlanMistake:
    found = _POSITION.search(message)
    where = found["where"] if found else "plan"
    return PlanMistake(where, f"is no TOML: {_POSITION.sub('', message)}", "Put the syntax right")


def _without(values: dict[str, Any], mistaken: list[PlanMistake]) -> dict[str, Any]:
    wrong = {mistake.key for mistake in mistaken}
    return {key: value for key, value in values.items() if key not in wrong}


__all__ = ["PlanInvalid", "PlanMistake", "read_plan"]
