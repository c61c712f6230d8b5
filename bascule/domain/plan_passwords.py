"""What has to hold of a plan's passwords and their hand-out: each key by itself, and the keys of a cohort together."""

from collections.abc import Iterator

from bascule.domain.hand_out_form import ENCODINGS, fields_problem, template_problem
from bascule.domain.passwords import ALLOWED, LENGTH_MAX
from bascule.domain.plan import PasswordRule
from bascule.domain.plan_shape import PlanMistake, Values

Problem = tuple[str, str] | None
"""What is wrong and what to do; None when nothing is."""

# What no sign-in name has, and what readers of CSV expect.
SEPARATORS = (";", ",", "|")
SUFFIX_LENGTH_MAX = 32


def suffix_problem(suffix: str) -> Problem:
    """Why passwords cannot be padded with this."""
    if len(suffix) > SUFFIX_LENGTH_MAX:
        return f"is longer than {SUFFIX_LENGTH_MAX} characters", "Shorten it"
    if not ALLOWED.issuperset(suffix):
        return "has characters that passwords may not have", "Use ASCII letters, digits, symbols"
    return None


def separator_problem(separator: str) -> Problem:
    """Why columns cannot be kept apart with this."""
    if separator in SEPARATORS:
        return None
    return f"is {separator!r}", "Write one of: ; , | (in the plan's quotes)"


def header_problem(header: str) -> Problem:
    """Why this cannot be a first line."""
    if "\n" in header or "\r" in header:
        return "has a line break in it", "Write one line"
    return None


def encoding_problem(encoding: str) -> Problem:
    """Why a file cannot be written in this encoding."""
    if encoding in ENCODINGS:
        return None
    return f"is {encoding!r}", f"Write one of: {', '.join(ENCODINGS)}"


def check_passwords(values: Values) -> Iterator[PlanMistake]:
    """Yield the mistakes between the password keys of each cohort."""
    for name in values.get("cohorts", ()):
        yield from _padding(values, f"cohorts.{name}")


def _padding(values: Values, cohort: str) -> Iterator[PlanMistake]:
    if values.get(f"{cohort}.password") is not PasswordRule.PAD:
        return
    suffix, shortest = (
        values.get(f"{cohort}.password_suffix"),
        values.get(f"{cohort}.password_length_min"),
    )
    if suffix == "":
        what = "is empty, and passwords are padded with it"
        yield PlanMistake(f"{cohort}.password_suffix", what, 'Write what is added, such as "0"')
    elif suffix and shortest is not None and shortest + len(suffix) > LENGTH_MAX + 1:
        what = f"may make passwords longer than {LENGTH_MAX} characters"
        yield PlanMistake(f"{cohort}.password_suffix", what, "Shorten it")


__all__ = [
    "check_passwords",
    "encoding_problem",
    "fields_problem",
    "header_problem",
    "separator_problem",
    "suffix_problem",
    "template_problem",
]
