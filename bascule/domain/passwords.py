"""Passwords of cloud accounts: how each rule makes one, what the tenant takes, which are easy to guess.

Nothing here ever puts a password into a message.
Source: Microsoft Learn, "Combined password policy and check for weak passwords in Microsoft Entra ID" (length, characters,
three of four classes, none of it for Education tenants) and "Eliminate bad passwords using Microsoft Entra Password
Protection" (normalisation, names, banned words).
"""

import math
import secrets
import string
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bascule.domain.plan import CohortPlan, PasswordRule

Problem = tuple[str, str] | None
"""What is wrong and what to do; None when nothing is."""

LENGTH_MIN = 8
LENGTH_MAX = 256
CLASS_COUNT_MIN = 3
SYMBOLS = string.punctuation + " "
ALLOWED = frozenset(string.ascii_letters + string.digits + SYMBOLS)
CLASSES = tuple(
    frozenset(letters)
    for letters in (string.ascii_lowercase, string.ascii_uppercase, string.digits, SYMBOLS)
)

# For passwords that are read off paper: without 0 O o, 1 l I, 2 Z, 5 S, 8 B, and only symbols that every keyboard shows.
TYPED_CLASSES = ("abcdefghijkmnpqrstuvwxyz", "ACDEFGHJKLMNPQRTUVWXY", "34679", "!#%?")
TYPED_LETTERS = TYPED_CLASSES[0] + TYPED_CLASSES[1]
# Some 70 bits: out of reach for guessing at a sign-in page, and still typed without a mistake.
RANDOM_LENGTH = 12
# What the procedure asks for the first sign-in of an administrator.
ADMINISTRATOR_LENGTH_MIN = 8
ADMINISTRATOR_LENGTH_MAX = 16
ADMINISTRATOR_LENGTH = 14

# The service undoes these before it looks for names and banned words.
_NORMALISED = str.maketrans("01$@", "olsa")
# Shorter parts of names stand in passwords by chance.
NAME_LENGTH_MIN = 4


@dataclass(frozen=True)
class NewPassword:
    """A password that an account is about to get, and the rule that made it."""

    text: str = field(repr=False)
    rule: PasswordRule


def password_for(cohort: CohortPlan, given: str = "") -> NewPassword:
    """The password of an account of this cohort; `given` is what the operator's file says, empty when it says nothing.

    An account that has to be created always gets one: a random one where the rule has nothing to go by.
    """
    if given and cohort.password is PasswordRule.GIVEN:
        return NewPassword(given, PasswordRule.GIVEN)
    if given and cohort.password is PasswordRule.PAD:
        text = padded(given, cohort.password_suffix, length_min(cohort))
        return NewPassword(text, PasswordRule.GIVEN if text == given else PasswordRule.PAD)
    return NewPassword(random_password(max(RANDOM_LENGTH, length_min(cohort))), PasswordRule.RANDOM)


def length_min(cohort: CohortPlan) -> int:
    """The shortest password that a cohort's account may have: never below what the directory takes."""
    return max(LENGTH_MIN, cohort.password_length_min)


def padded(text: str, suffix: str, wanted_length: int) -> str:
    """The text with the suffix behind it, as often as it takes to be long enough."""
    missing = wanted_length - len(text)
    return text if missing <= 0 else text + suffix * math.ceil(missing / len(suffix))


def random_password(length: int = RANDOM_LENGTH) -> str:
    """A password of all four classes that can be typed off paper.

    It begins with a letter: what begins with `=`, `+`, `-` or `@` is a formula to a spreadsheet.
    """
    one_of_each = [secrets.choice(one_class) for one_class in TYPED_CLASSES]
    every = "".join(TYPED_CLASSES)
    rest = one_of_each + [secrets.choice(every) for _ in range(length - 1 - len(one_of_each))]
    secrets.SystemRandom().shuffle(rest)
    return secrets.choice(TYPED_LETTERS) + "".join(rest)


def administrator_password(length: int = ADMINISTRATOR_LENGTH) -> str:
    """A temporary password for an administrator's first sign-in: upper, lower, digit and symbol.

    Raises:
        ValueError: the length is not 8 to 16.
    """
    if not ADMINISTRATOR_LENGTH_MIN <= length <= ADMINISTRATOR_LENGTH_MAX:
        bounds = f"{ADMINISTRATOR_LENGTH_MIN} to {ADMINISTRATOR_LENGTH_MAX}"
        raise ValueError(f"an administrator's temporary password has {bounds} characters")
    return random_password(length)


def given_problem(given: str, cohort: CohortPlan) -> Problem:
    """Why a password of the operator's file cannot become that of an account of this cohort."""
    if not given:
        return None
    if cohort.password not in (PasswordRule.GIVEN, PasswordRule.PAD):
        todo = "Empty the cell, or set the cohort's password to given or pad"
        return f"is given, and the cohort's password rule is {cohort.password}", todo
    return password_problem(password_for(cohort, given).text, cohort)


def password_problem(text: str, cohort: CohortPlan) -> Problem:
    """Why the tenant refuses a password, as far as its rules are published; banned words are known to the service alone."""
    shortest = length_min(cohort)
    if len(text) < shortest:
        todo = "Lengthen it, or set the cohort's password to pad"
        return f"is shorter than {shortest} characters", todo
    if len(text) > LENGTH_MAX:
        return f"is longer than {LENGTH_MAX} characters", "Shorten it"
    if not ALLOWED.issuperset(text):
        what = "has characters that Microsoft Entra ID does not take in passwords"
        return what, "Use letters without accents, digits, blanks and ASCII symbols"
    if cohort.has_password_complexity and class_count(text) < CLASS_COUNT_MIN:
        what = "has not three of lower case, upper case, digits and symbols"
        return what, "Change it, or set has_password_complexity = false for the cohort"
    return None


def class_count(text: str) -> int:
    """How many of the four classes of characters a password has."""
    return sum(not one_class.isdisjoint(text) for one_class in CLASSES)


def holds_name(text: str, *names: str) -> bool:
    """Whether a part of the person's names stands in the password: the service refuses most of those."""
    normal = text.lower().translate(_NORMALISED)
    parts = {part.lower().translate(_NORMALISED) for name in names for part in name.split()}
    return any(len(part) >= NAME_LENGTH_MIN and part in normal for part in parts)


def shared_count(passwords: Iterable[str]) -> Counter[str]:
    """{password: how many have it} of those that more than one account has."""
    return Counter({text: count for text, count in Counter(passwords).items() if count > 1})
