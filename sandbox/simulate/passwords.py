"""The passwords of new accounts in a life: some rows of its batch files give them, and the staff's are padded."""

from dataclasses import replace

from bascule.domain.plan import PasswordRule, Plan
from sandbox.simulate.life import Life

STAFF = "staff"


def padding_staff(plan: Plan) -> Plan:
    """The plan with the two rules that take a password from a row: as it is given, and padded for the staff."""
    staff = replace(plan.cohorts[STAFF], password=PasswordRule.PAD)
    return replace(plan, cohorts={**plan.cohorts, STAFF: staff})


def given_password(life: Life, number: int) -> str:
    """What the row of a person says: long enough, and short for the staff."""
    return canary(number) if number in life.staff else f"{canary(number)}rendre"


def canary(number: int) -> str:
    """What every form of a person's given password begins with, and nothing else."""
    return f"Qx{number:02}!k"
