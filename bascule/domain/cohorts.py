"""Which cohort a mailbox belongs to: what its row says, else its address, else its unit, else the default."""

import re
from collections.abc import Mapping

from bascule.domain.addresses import normal_address
from bascule.domain.plan import AccountPlan, CohortPlan

DEFAULT_COHORT = "default"


class CohortsAmbiguous(ValueError):
    """Patterns of several cohorts fit; `names` says which, sorted."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"fits the patterns of the cohorts {', '.join(names)}")
        self.names = names


class CohortChoice:
    """The plan's patterns, compiled once for many mailboxes. Capitals mean nothing; `*` and `?` are the only signs."""

    def __init__(self, cohorts: Mapping[str, CohortPlan]) -> None:
        self._by_address = _patterns({name: plan.addresses for name, plan in cohorts.items()})
        self._by_unit = _patterns({name: plan.units for name, plan in cohorts.items()})

    def choose(self, address: str, unit: str = "", named: str = "") -> str:
        """The name of the cohort; empty when nothing but the default is left.

        Raises:
            CohortsAmbiguous: two cohorts fit equally well, and nobody but the operator can tell which is meant.
        """
        if named:
            return named
        return _only(self._by_address, normal_address(address)) or _only(
            self._by_unit, unit.strip()
        )


def is_never_touched(accounts: AccountPlan, address: str) -> bool:
    """Whether the plan keeps this account out of everything that is done to many."""
    return normal_address(address) in {normal_address(named) for named in accounts.never_touch}


def pattern_of(text: str) -> re.Pattern[str]:
    """The plan's `*@students.example.org` as an expression that has to fit from end to end."""
    signs = {"*": ".*", "?": "."}
    return re.compile("".join(signs.get(sign, re.escape(sign)) for sign in text), re.IGNORECASE)


Patterns = tuple[tuple[str, re.Pattern[str]], ...]


def _patterns(by_cohort: Mapping[str, tuple[str, ...]]) -> Patterns:
    return tuple((name, pattern_of(text)) for name, texts in by_cohort.items() for text in texts)


def _only(patterns: Patterns, text: str) -> str:
    names = {name for name, pattern in patterns if pattern.fullmatch(text)} if text else set()
    if len(names) > 1:
        raise CohortsAmbiguous(tuple(sorted(names)))
    return next(iter(names), "")
