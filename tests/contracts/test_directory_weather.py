"""What every directory must do while things come late: the Graph adapter on its wire, and the simulated tenant itself."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bascule.domain.codes import Code
from bascule.domain.errors import NotYet
from bascule.domain.licences import LocationRefused
from sandbox.world.weather import CALM, Span
from tests.contracts.licence_examples import ANN, given, only_mailbox, sku_of
from tests.contracts.tenant_doors import DOORS, Tenant, directory, tenant


@pytest.mark.parametrize("name", DOORS)
def test_what_lags_is_never_refused(name: str) -> None:
    """A new account and a new country are seen late; taken for missing, a healthy mailbox is set aside."""
    lagging = tenant(replace(CALM, graph_replication=Span(30, 60)))
    with directory(name, lagging) as door:
        account_id, sku = (
            door.create_account(replace(ANN, usage_location="")).account_id,
            sku_of(door),
        )
        _patiently(lagging, lambda: door.set_usage_location(account_id, "FR"))
        _patiently(lagging, lambda: door.change_licences(account_id, given(sku.sku_id, ())))
        lagging.pass_time(minutes=5)
        found = door.find_account(ANN.address)

    assert found is not None
    assert found.holds(sku.sku_id) is not None


@pytest.mark.parametrize("name", DOORS)
def test_a_country_where_nothing_is_sold_is_told_apart(name: str) -> None:
    """Only whoever wrote it knows whether it is a lag or an answer; any other refusal is one at once."""
    with directory(name, tenant()) as door:
        account_id = door.create_account(replace(ANN, usage_location="KP")).account_id
        with pytest.raises(LocationRefused) as no:
            door.change_licences(account_id, given(sku_of(door).sku_id, ()))

    assert no.value.code is Code.USAGE_LOCATION_INVALID


@pytest.mark.parametrize("name", DOORS)
def test_an_open_mailbox_is_open_whatever_shape_its_settings_have(name: str) -> None:
    """The documentation shows an object where the service sends a word."""
    school = tenant(replace(CALM, user_purpose_as_object=True))
    with directory(name, school) as door:
        account_id, sku = door.create_account(ANN).account_id, sku_of(door)
        door.change_licences(account_id, given(sku.sku_id, only_mailbox(sku)))
        school.pass_time(hours=1)

        assert door.is_mailbox_open(account_id) is True


def _patiently(school: Tenant, act: Callable[[], None]) -> None:
    """Try as a story does: again, later, for as long as it is not yet."""
    for _ in range(40):
        try:
            return act()
        except (NotYet, LocationRefused):
            school.pass_time(seconds=5)
    raise AssertionError("it never came")
