"""What setting a password must do: the Graph adapter on its wire, and the simulated tenant itself. About 3 s."""

from collections.abc import Iterator

import httpx
import pytest

from bascule.domain.codes import Code
from bascule.domain.directory import NewAccount
from bascule.domain.errors import NotYet, Refusal, Throttled
from bascule.ports.directory import Directory
from sandbox.faces.server import Faces
from sandbox.world.sign_in import SignInRefused, sign_in
from tests.contracts.tenant_doors import DOORS, THROTTLED, Tenant, directory, tenant

ANN = NewAccount("ann@example.org", "Ann Example", "FR", "Correct-Horse-7")
ANOTHER = "Battery-Staple-8"
NOBODY = "00000000-0000-0000-0000-000000000001"


@pytest.fixture
def school() -> Tenant:
    """A prepared tenant."""
    return tenant()


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, school: Tenant) -> Iterator[Directory]:
    """The port, through each door."""
    with directory(request.param, school) as found:
        yield found


def _refused(code: Code) -> "pytest.RaisesExc[Refusal]":
    return pytest.raises(Refusal, check=lambda no: no.code is code)


def _error_of(school: Tenant, password: str, name: str = ANN.address) -> int:
    """The vendor's number with which a sign-in is refused; 0 when it is let in."""
    try:
        sign_in(school.world.tenant.directory, name, password)
    except SignInRefused as no:
        return no.number
    return 0


def test_the_new_password_opens_and_the_old_one_does_not(door: Directory, school: Tenant) -> None:
    """A reset that only looks like one leaves a school outside on Monday."""
    account_id = door.create_account(ANN).account_id
    door.set_password(account_id, ANOTHER, must_change=False)
    door.set_password(account_id, ANOTHER, must_change=False)

    assert _error_of(school, ANOTHER) == 0
    assert _error_of(school, ANN.password) == 50126


def test_a_change_is_asked_for_where_it_is_wished(door: Directory, school: Tenant) -> None:
    """A padded password that is never changed stays guessable for years."""
    account_id = door.create_account(ANN).account_id
    door.set_password(account_id, ANOTHER, must_change=True)

    assert _error_of(school, ANOTHER) == 50055


@pytest.mark.parametrize("password", ["short-1", "onlylower", "Pässword-12", "Passw0rd"])
def test_a_password_that_the_tenant_refuses_is_named_so_and_not_shown(
    door: Directory, school: Tenant, password: str
) -> None:
    """The operator chooses another; the former one is still in force."""
    account_id = door.create_account(ANN).account_id

    with _refused(Code.PASSWORD_REFUSED) as no:
        door.set_password(account_id, password, must_change=False)

    assert password not in str(no.value) + repr(no.value)
    assert _error_of(school, ANN.password) == 0


def test_classes_are_not_asked_of_an_account_that_was_freed_from_them(
    door: Directory, school: Tenant
) -> None:
    """Complexity is off for a cohort: its pupils have eight small letters."""
    free = NewAccount(
        ANN.address, ANN.display_name, "FR", "tulipane", has_password_complexity=False
    )
    account_id = door.create_account(free).account_id
    door.set_password(account_id, "krokussen", must_change=False)

    assert _error_of(school, "krokussen") == 0


def test_without_its_own_permission_no_password_is_set(door: Directory, school: Tenant) -> None:
    """The permission to write accounts sets a password at the creation only."""
    account_id = door.create_account(ANN).account_id
    school.world.tenant.app.roles -= {"User-PasswordProfile.ReadWrite.All"}

    with _refused(Code.PERMISSION_MISSING):
        door.set_password(account_id, ANOTHER, must_change=False)


def test_an_administrators_password_is_not_set_by_an_app(door: Directory, school: Tenant) -> None:
    """Otherwise whoever has the app has the tenant."""
    account_id = door.create_account(ANN).account_id
    school.world.tenant.directory.administrators.add(account_id)

    with _refused(Code.PERMISSION_MISSING):
        door.set_password(account_id, ANOTHER, must_change=False)
    assert _error_of(school, ANN.password) == 0


def test_throttling_says_how_long_and_a_missing_account_that_it_is_missing(
    door: Directory, school: Tenant
) -> None:
    """Thousands of resets meet both."""
    account_id = door.create_account(ANN).account_id
    school.fails_once("graph.PATCH users", THROTTLED)

    with pytest.raises(Throttled) as busy:
        door.set_password(account_id, ANOTHER, must_change=False)
    with pytest.raises(NotYet):
        door.set_password(NOBODY, ANOTHER, must_change=False)

    assert busy.value.wait_s == THROTTLED.retry_after_s


def test_nobody_sees_the_password_of_an_account_that_is_printed() -> None:
    """Logs print what they are given."""
    assert ANN.password not in repr(ANN)


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({}, 0),
        ({"password": "Another-Word-9"}, 50126),
        ({"username": "nobody@example.org"}, 50034),
        ({"password": ""}, 900144),
    ],
)
def test_the_token_endpoint_lets_people_in_by_their_password(
    school: Tenant, changes: dict[str, str], number: int
) -> None:
    """It is the only witness of which password is in force."""
    with directory("world", school) as found:
        found.create_account(ANN)
    with Faces(school.world) as faces:
        form = {
            "grant_type": "password",
            "client_id": "11111111-aaaa-bbbb-cccc-222222222222",
            "scope": "openid",
            "username": ANN.address,
            "password": ANN.password,
        }
        answer = httpx.post(faces.addresses["token_url"], data=form | changes)
        said = answer.json()
        if number == 0:
            graph = f"{faces.addresses['graph_url']}/users/{ANN.address}"
            header = {"Authorization": f"Bearer {said['access_token']}"}
            assert httpx.get(graph, headers=header).status_code == 403

    assert answer.status_code == (400 if number else 200)
    assert said.get("error_codes", [0]) == [number]
