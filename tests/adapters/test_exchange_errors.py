"""The error table of the gateway: which answer means what."""

import json

import pytest

from bascule.adapters.exchange_online.errors import (
    CmdletRefused,
    Kind,
    domain_error,
    read_failure,
    read_inner_errors,
)
from bascule.domain.codes import Code
from bascule.domain.errors import Refusal, Throttled, Unreachable
from bascule.domain.sync import sync_failure_code

TYPES = [
    ("Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException", Kind.NOT_FOUND),
    ("Microsoft.Exchange.Configuration.Tasks.ManagementObjectAmbiguousException", Kind.AMBIGUOUS),
    ("Microsoft.Exchange.Management.Tasks.MemberAlreadyExistsException", Kind.ALREADY_MEMBER),
    ("Microsoft.Exchange.Management.Tasks.MemberNotFoundException", Kind.NOT_MEMBER),
    ("Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException", Kind.NAME_TAKEN),
    ("Microsoft.Exchange.Data.Directory.ProxyAddressExistsException", Kind.NAME_TAKEN),
    ("Microsoft.Exchange.Data.Directory.NameConversionException", Kind.NAME_TAKEN),
    ("X.OperationRequiresGroupManagerException", Kind.NOT_GROUP_MANAGER),
    (
        "Microsoft.Exchange.AdminApi.CommandInvocation.AmbiguousParameterSetException",
        Kind.BAD_REQUEST,
    ),
    ("X.ParameterTransformationException", Kind.BAD_REQUEST),
    ("X.ParameterBindingException", Kind.BAD_REQUEST),
    ("X.CmdletProxyNotAvailableFailure", Kind.TRANSIENT),
    ("X.ServerBusyException", Kind.TRANSIENT),
    ("Microsoft.Exchange.Migration.MigrationTransientException", Kind.TRANSIENT),
    ("X.BackendCommunicationException", Kind.TRANSIENT),
    ("X.UnableToWriteToAadException", Kind.TRANSIENT),
    ("X.NotAcceptedDomainException", Kind.NOT_ACCEPTED_DOMAIN),
]


def _body(detail: str, **more: object) -> bytes:
    error = {"code": "BadRequest", "message": "Error executing cmdlet", **more}
    return json.dumps({"error": error | {"details": [{"message": detail}]}}).encode()


@pytest.mark.parametrize(("net_type", "kind"), TYPES)
def test_each_documented_type_is_told_apart_even_behind_a_400(net_type: str, kind: Kind) -> None:
    """A transient failure taken for a refusal sets a healthy mailbox aside."""
    failure = read_failure(400, {}, _body(f"|{net_type}|text"))

    assert failure.kind is kind
    assert failure.text == "text"


def test_the_text_of_a_typed_detail_may_hold_bars() -> None:
    """Split too often, the end of the sentence is lost."""
    failure = read_failure(404, {}, _body("Ex1|A.B.C|one | two | three"))

    assert failure.net_type == "A.B.C"
    assert failure.text == "one | two | three"


def test_a_detail_may_be_json_inside_a_string() -> None:
    """Some servers embed the exception as JSON."""
    inside = json.dumps(
        {"Message": "gone", "TypeName": "X.ManagementObjectNotFoundException", "InnerError": None}
    )
    failure = read_failure(400, {}, _body(inside))

    assert failure.kind is Kind.NOT_FOUND
    assert failure.text == "gone"


def test_an_error_of_a_proxy_wraps_the_real_one() -> None:
    """The sentence in front says nothing; the JSON behind it is the error."""
    inner = json.dumps(
        {"error": {"details": [{"message": "|X.MemberAlreadyExistsException|already"}]}}
    )
    failure = read_failure(400, {}, _body(f"Error on proxy command 'Add-X' to server db8: {inner}"))

    assert failure.kind is Kind.ALREADY_MEMBER


def test_without_details_the_inner_exception_counts_unless_it_is_the_general_one() -> None:
    """A wrong enum value has no details; the type is inside."""
    inner = {"type": "X.ParameterTransformationException", "message": "valid names are A, B"}
    error = {"message": "Invalid Operation", "innererror": {"internalexception": inner}}
    generic = {"type": "Y.DirectInvokeCmdletExecutionException", "message": "z"}
    plain = {"message": "plain words", "innererror": {"internalexception": generic}}

    first = read_failure(400, {}, json.dumps({"error": error}).encode())
    second = read_failure(400, {}, json.dumps({"error": plain}).encode())

    assert first.kind is Kind.BAD_REQUEST
    assert first.text == "valid names are A, B"
    assert second.text == "plain words"
    assert second.kind is Kind.OTHER


def _untyped(detail: str, inner: dict[str, str]) -> bytes:
    return _body(detail, innererror={"internalexception": inner})


def test_words_without_a_type_do_not_hide_the_type_inside() -> None:
    """A busy server taken for a refusal sets a healthy mailbox aside."""
    busy = {"type": "X.ServerBusyException", "message": "try later"}
    named = read_failure(400, {}, _untyped("Error executing cmdlet", busy))
    silent = read_failure(400, {}, _untyped("Error executing it", {"type": busy["type"]}))

    assert isinstance(domain_error("Get-MigrationUser", named), Unreachable)
    assert named.text == "try later"
    assert (silent.kind, silent.text) == (Kind.TRANSIENT, "Error executing it")


def test_words_without_a_type_count_where_nothing_inside_has_one() -> None:
    """They are what the operator reads; the sentence above them says only that a cmdlet failed."""
    generic = {"type": "Y.DirectInvokeCmdletExecutionException", "message": "z"}
    failure = read_failure(400, {}, _untyped("ann is in another batch", generic))

    assert (failure.net_type, failure.text) == ("", "ann is in another batch")


def test_a_wrapped_error_may_have_its_type_inside_as_well() -> None:
    """A server behind the server says no in the same shapes."""
    wrapped = json.loads(_untyped("Error executing cmdlet", {"type": "X.ServerBusyException"}))
    failure = read_failure(400, {}, _body(f"Error on proxy command 'X': {json.dumps(wrapped)}"))

    assert failure.kind is Kind.TRANSIENT


def test_a_403_full_of_nuls_gives_its_reason_in_a_header() -> None:
    """Missing roles are the first thing to go wrong in a new tenant; the reason must not be lost."""
    failure = read_failure(
        403, {"X-MS-Diagnostics": "2000008;reason=app role missing"}, b"\x00" * 60
    )
    error = domain_error("Get-Mailbox", failure)

    assert isinstance(error, Refusal)
    assert error.code is Code.PERMISSION_MISSING
    assert "app role missing" in str(error)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe{", b"{not json", b"[]", b'{"error": "text"}'])
def test_a_body_that_is_not_what_it_claims_does_not_hide_the_status(body: bytes) -> None:
    """Content types lie; the status still decides."""
    assert isinstance(domain_error("X", read_failure(502, {}, body)), Unreachable)
    assert isinstance(domain_error("X", read_failure(400, {}, body)), CmdletRefused)


def test_a_transient_failure_with_a_hint_is_throttling() -> None:
    """Told how long, the story waits exactly so."""
    failure = read_failure(503, {"Retry-After": "12"}, b"")
    error = domain_error("X", failure)

    assert isinstance(error, Throttled)
    assert error.wait_s == 12


def test_a_caller_who_is_no_manager_of_the_group_lacks_a_permission() -> None:
    """The bypass needs a role of its own; a person has to grant it."""
    failure = read_failure(400, {}, _body("|X.OperationRequiresGroupManagerException|no"))
    error = domain_error("Add-DistributionGroupMember", failure)

    assert isinstance(error, Refusal)
    assert error.code is Code.PERMISSION_MISSING


def test_an_error_inside_a_success_may_be_an_object() -> None:
    """`@adminapi.errors` holds strings or objects."""
    failure = read_inner_errors([{"TypeName": "X.ServerBusyException", "Message": "busy"}], {})

    assert failure.kind is Kind.TRANSIENT


def test_a_failure_shows_no_text_in_its_repr() -> None:
    """The text may quote a CSV."""
    assert "hunter2" not in repr(read_failure(400, {}, _body("|A.B|hunter2")))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("We had trouble signing in to this account. Please check...", Code.SYNC_LOGIN_REFUSED),
        (
            'A recipient wasn\'t found for "ann@contoso.com" on the target.',
            Code.SYNC_RECIPIENT_MISSING,
        ),
        (
            "A recipient wasn’t found for ann@contoso.com on the target.",
            Code.SYNC_RECIPIENT_MISSING,
        ),
        ("This mailbox is full.", Code.SYNC_MAILBOX_FULL),
        (
            "The user 'ann@contoso.com' is already included in migration batch 'lot-1'.",
            Code.SYNC_IN_OTHER_BATCH,
        ),
        ("MigrationTransientException: We weren't able to connect", Code.SYNC_FAILED),
        ("", Code.SYNC_FAILED),
    ],
)
def test_a_failed_users_error_text_leads_to_the_page_that_helps(text: str, code: Code) -> None:
    """The operator acts on the code; a wrong one sends him to the wrong server."""
    assert sync_failure_code(text) is code
