"""What the directory accepts as a name, a nickname, a country, a password.

Source: Microsoft Graph "Create user"; Microsoft Entra "Combined password policy and check for weak passwords".
"""

import re
import string

from sandbox.world import directory_errors as no

PASSWORD_LENGTH_MIN = 8
PASSWORD_LENGTH_MAX = 256
PASSWORD_CLASSES_MIN = 3
# A few of the words of the global banned list; the real one is secret and long.
BANNED_WORDS = ("password", "motdepasse", "qwerty", "azerty", "123456")
# A banned word is worth one point and each other character one; below five points the password is refused.
PASSWORD_POINTS_MIN = 5
# Substitutions the service undoes before it looks for banned words.
LOOK_ALIKES = str.maketrans("0$@", "osa")
PASSWORD_POLICIES = frozenset({"DisableStrongPassword", "DisablePasswordExpiration"})
UPN_LOCAL = re.compile(r"[A-Za-z0-9'.\-_!#^~]+")
NICKNAME = re.compile(r"[A-Za-z0-9_'\-!#^~]+(\.[A-Za-z0-9_'\-!#^~]+)*")
NICKNAME_LENGTH_MAX = 64
# ISO 3166-1 alpha-2. "UK" is reserved there, and wrong here: the United Kingdom is "GB".
COUNTRIES = frozenset(
    re.findall(
        "[A-Z]{2}",
        "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
        "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO "
        "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE "
        "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO "
        "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW "
        "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM "
        "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW",
    )
)
# "International availability of Microsoft 365": a user may live there on paper, and gets no licence.
NOT_SOLD_IN = frozenset({"CU", "IR", "KP", "SY"})


def check_upn(upn: str) -> None:
    """The part before the @ has only the characters the service allows, and none with an accent."""
    local, _, domain = upn.rpartition("@")
    if not domain or not UPN_LOCAL.fullmatch(local) or local.endswith("."):
        raise no.invalid("userPrincipalName")


def check_nickname(nickname: str) -> None:
    """No comma, no space, no dot at either end."""
    if len(nickname) > NICKNAME_LENGTH_MAX or not NICKNAME.fullmatch(nickname):
        raise no.invalid("mailNickname")


def check_usage_location(country: str) -> None:
    """Two letters of ISO 3166."""
    if country.upper() not in COUNTRIES:
        raise no.invalid("usageLocation")


def check_policies(policies: str) -> None:
    """None, one policy, or both with a comma."""
    named = {part.strip() for part in policies.split(",")}
    if named != {"None"} and not named <= PASSWORD_POLICIES:
        raise no.invalid("passwordPolicies")


def check_password(password: str, policies: str, *, classes_enforced: bool) -> None:
    """Length, alphabet, character classes, banned words; the same at creation and at a reset."""
    strong = classes_enforced and "DisableStrongPassword" not in policies
    too_plain = strong and _class_count(password) < PASSWORD_CLASSES_MIN
    in_bounds = PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX
    guessable = _points(password) < PASSWORD_POINTS_MIN
    if not in_bounds or not password.isascii() or guessable or too_plain:
        raise no.weak_password()


def _points(password: str) -> int:
    rest = password.lower().translate(LOOK_ALIKES)
    for word in BANNED_WORDS:
        rest = rest.replace(word.translate(LOOK_ALIKES), "*")
    return len(rest)


def _class_count(password: str) -> int:
    classes = (
        string.ascii_uppercase,
        string.ascii_lowercase,
        string.digits,
        string.punctuation + " ",
    )
    return sum(any(letter in members for letter in password) for members in classes)
