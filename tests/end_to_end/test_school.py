"""A school moves from its provisional pack to its real licences: 251 accounts, by the commands an operator types. Two minutes.

The procedure's phases: a STUDENT licence to everybody, then FACULTY to the teachers, the provisional pack swapped in the
same change, the acting administrator left out, and so is somebody whose mail is still at the source. Then passwords of six
characters, padded, brought in as a list and reset group by group, with which everybody signs in.
"""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import tomli_w

from bascule.domain.codes import Code
from cli.main import main
from sandbox.world.directory import User
from sandbox.world.licences import Licence, LicenceChange, Seats
from tests.end_to_end.rehearsal import PLAN, REQUEST_TIMEOUT_S, Rehearsal, rehearsal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Screen = pytest.CaptureFixture[str]
Json = dict[str, Any]

PACK, STUDENT, FACULTY = (
    "EXCHANGESTANDARD",
    "STANDARDWOFFPACK_STUDENT",
    "STANDARDWOFFPACK_FACULTY",
)
SEATS = {PACK: 1_000, STUDENT: 2_000, FACULTY: 500}
ADMINISTRATOR = "direction@example.org"
FORMER_PASSWORD = "Tr0ub4dor&3!"
TEACHER_COUNT, PUPIL_COUNT = 20, 230
EVERYBODY_COUNT = TEACHER_COUNT + PUPIL_COUNT
# The plan's own limit: a wrong pattern costs a hundred licences and not all of them.
NEWCOMERS_EACH_RUN = 100
RUNS_MAX = 5


@dataclass
class School:
    """The tenant of a school, the app that works on it, and the operator's screen."""

    run: Rehearsal
    screen: Screen
    without_mailbox_plan: list[str] = field(default_factory=list)
    """Whoever was at any moment without a plan that opens a mailbox."""

    @property
    def teachers(self) -> list[str]:
        """Addresses."""
        return [f"prof.{at}@example.org" for at in range(TEACHER_COUNT)]

    @property
    def pupils(self) -> list[str]:
        """Addresses."""
        return [f"eleve.{at}@example.org" for at in range(PUPIL_COUNT)]

    @property
    def at_home(self) -> str:
        """Somebody with an account whose mail Postfix still delivers."""
        return self.run.people[0].address

    def licences(self, address: str) -> tuple[Licence, ...]:
        """What an account really holds."""
        user = self.run.rig.world.tenant.directory.truth(address)
        return user.licences if user else ()

    def held(self, *addresses: str) -> Counter[str]:
        """How many of these accounts hold what, by part number."""
        products = self.run.rig.world.tenant.directory.shelf.products
        return Counter(
            products[licence.sku_id].part_number
            for address in addresses
            for licence in self.licences(address)
        )

    def signs_in(self, address: str, password: str) -> bool:
        """Whether the token endpoint lets somebody in."""
        url = self.run.rig.addresses["token_url"]
        form = {
            "grant_type": "password",
            "client_id": "11111111-aaaa-bbbb-cccc-222222222222",
            "scope": "openid",
            "username": address,
            "password": password,
        }
        return httpx.post(url, data=form, timeout=REQUEST_TIMEOUT_S).status_code == 200

    def says(self, *words: str) -> Json:
        """The JSON that a command prints; it ends with 1 when somebody is refused."""
        self.screen.readouterr()
        main([*words, "--json"])
        answer: Json = json.loads(self.screen.readouterr().out)
        return answer

    def apply(self, cohort: str) -> list[int]:
        """Ask for runs over a cohort until nothing is left over; how many each has changed."""
        changed: list[int] = []
        for _ in range(RUNS_MAX):
            answer = self.says("licences", "apply", "--cohort", cohort)
            assert answer["stopped"] == ""
            assert {line["address"]: line["code"] for line in answer["refused"]} in (
                {},
                {self.at_home: Code.MAILBOX_AT_SOURCE},
            )
            changed.append(answer["changed"])
            if not answer["left_over"]:
                return changed
        raise AssertionError(f"still left over after {changed}")

    def replan(self, **cohorts: Json) -> None:
        """Deploy the plan with these cohorts: the app reads it when it starts."""
        path = self.run.rig.folder / "plan.toml"
        plan = tomllib.loads(path.read_text(encoding="utf-8"))
        plan["cohorts"] = {"default": plan["cohorts"]["default"], **cohorts}
        path.write_text(tomli_w.dumps(plan), encoding="utf-8")
        self.run.rig.app.stop()
        self.run.rig.app.start()

    def watch(self, user: User) -> None:
        """Remember whoever is without a mailbox plan after any change of licences."""
        shelf = self.run.rig.world.tenant.directory.shelf
        names = {plan.plan_id: plan.name for p in shelf.products.values() for plan in p.plans}
        on = {names[plan_id] for plan_id in shelf.enabled_plans(user.licences)}
        if not any(name.startswith("EXCHANGE_S_") for name in on):
            self.without_mailbox_plan.append(user.upn)


@contextmanager
def opened(folder: Path, screen: Screen) -> Iterator[School]:
    """251 people on a provisional pack; licences of 1 000, 2 000 and 500 seats."""
    made = School(rehearsal(folder, 1), screen)
    accounts = f'\n[accounts]\nnever_touch = ["{ADMINISTRATOR}"]\n'
    (folder / "operators-plan.toml").write_text(PLAN + accounts, encoding="utf-8")
    _enrol(made)
    with made.run.rig:
        made.run.rig.open()
        yield made


def _enrol(school: School) -> None:
    world = school.run.rig.world
    directory = world.tenant.directory
    for part_number, seat_count in SEATS.items():
        directory.buy(part_number, Seats(enabled=seat_count))
    pack = directory.shelf.by_part_number(PACK).sku_id
    for address in (ADMINISTRATOR, school.at_home, *school.teachers, *school.pupils):
        local = address.partition("@")[0]
        draft = User("", address, local, local, world.kernel.now_utc(), password=FORMER_PASSWORD)
        made = directory.create(replace(draft, usage_location="FR"))
        if address != school.at_home:
            directory.assign(made.user_id, LicenceChange({pack: frozenset()}, frozenset()))
    with world.kernel.look():
        directory.on_licences_changed.append(school.watch)


def swapped(licence: str, *patterns: str) -> Json:
    """A cohort whose licence takes the place of what opened the mailbox before."""
    return {
        "licence": licence,
        "mode": "replace",
        "services_after": ["TEAMS1", "SHAREPOINTWAC_EDU"],
        "usage_location": "FR",
        "addresses": list(patterns),
        "password": "pad",
        "password_suffix": "00",
    }


def test_a_school_goes_from_its_provisional_pack_to_student_and_faculty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    """Two clicks for each of 251 people in a portal that is gone; one of them wrong locks a mailbox."""
    with opened(tmp_path / "rig", capsys) as lycee:
        everybody = [ADMINISTRATOR, *lycee.teachers, *lycee.pupils]
        before = lycee.licences(ADMINISTRATOR)
        assert lycee.held(*everybody) == {PACK: EVERYBODY_COUNT + 1}

        lycee.replan(everybody=swapped(STUDENT, "*@example.org"))
        monkeypatch.setenv("BASCULE_URL", lycee.run.rig.app.url)
        _student_to_everybody(lycee)

        lycee.replan(
            pupils=swapped(STUDENT, "eleve.*@example.org"),
            teachers=swapped(FACULTY, "prof.*@example.org"),
        )
        monkeypatch.setenv("BASCULE_URL", lycee.run.rig.app.url)
        _faculty_to_the_teachers(lycee)
        _six_characters_for_everybody(lycee, tmp_path / "list.csv")

        assert lycee.licences(ADMINISTRATOR) == before
        assert lycee.licences(lycee.at_home) == ()
        assert lycee.without_mailbox_plan == []
        mailboxes = lycee.run.rig.world.tenant.mailboxes
        users = [lycee.run.rig.world.tenant.directory.truth(address) for address in everybody]
        assert all(user and mailboxes.of_user(user.user_id) for user in users)
        _the_stock_says_the_same(lycee)


def _student_to_everybody(lycee: School) -> None:
    looked = lycee.says("licences", "apply", "--cohort", "everybody", "--dry-run")
    changing = [line for line in looked["accounts"] if line["change"]]
    now = [line["address"] for line in changing if not line["left_over"]]
    # Where the mail of those beyond the limit goes is not asked yet: the one at home is among them.
    left_over_count = EVERYBODY_COUNT + 1 - NEWCOMERS_EACH_RUN
    assert (len(now), looked["left_over"]) == (NEWCOMERS_EACH_RUN, left_over_count)
    assert {line["change"] for line in changing if line["address"] != lycee.at_home} == {
        f"+{STUDENT} -7, -{PACK}"
    }
    assert lycee.held(*lycee.pupils) == {PACK: PUPIL_COUNT}

    first = lycee.says("licences", "apply", "--cohort", "everybody")

    assert (first["changed"], first["left_over"]) == (len(now), looked["left_over"])
    assert lycee.held(*now) == {STUDENT: NEWCOMERS_EACH_RUN}
    assert lycee.apply("everybody") == [100, 50]
    assert lycee.held(*lycee.pupils, *lycee.teachers) == {STUDENT: EVERYBODY_COUNT}
    assert lycee.apply("everybody") == [0]


def _faculty_to_the_teachers(lycee: School) -> None:
    assert lycee.apply("teachers") == [TEACHER_COUNT]
    assert lycee.held(*lycee.teachers) == {FACULTY: TEACHER_COUNT}
    assert lycee.held(*lycee.pupils) == {STUDENT: PUPIL_COUNT}
    assert lycee.apply("pupils") == [0]


def _six_characters_for_everybody(lycee: School, path: Path) -> None:
    """As the school's program made them; padded, brought in as a list, and reset group by group."""
    people = [*lycee.teachers, *lycee.pupils]
    six = {address: f"Kx{number:04}" for number, address in enumerate(people)}
    lines = ["login,mdp", *(f"{address},{word}" for address, word in six.items())]
    path.write_text("\n".join(lines), encoding="utf-8")
    mapping = ("--map", "login=USER_ID,mdp=USER_PASSWORD")
    assert main(["passwords", "import", str(path), *mapping]) == 0
    for cohort, count in (("teachers", TEACHER_COUNT), ("pupils", PUPIL_COUNT)):
        answer = lycee.says("passwords", "reset", "--cohort", cohort)
        assert (answer["changed"], answer["refused_count"]) == (count, 0)

    assert all(lycee.signs_in(address, f"{word}00") for address, word in six.items())
    untouched = lycee.run.rig.world.tenant.directory.truth(ADMINISTRATOR)
    assert untouched is not None
    assert untouched.password == FORMER_PASSWORD


def _the_stock_says_the_same(lycee: School) -> None:
    stock = {each["licence"]: each for each in lycee.says("licences", "report")["licences"]}
    assert {name: stock[name]["consumed"] for name in SEATS} == {
        PACK: 1,
        STUDENT: PUPIL_COUNT,
        FACULTY: TEACHER_COUNT,
    }
    assert stock[STUDENT]["left"] == SEATS[STUDENT] - PUPIL_COUNT
