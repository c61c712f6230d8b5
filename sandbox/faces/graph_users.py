"""Accounts over Graph: create, read, change, delete, find.

Source: Microsoft Graph, "Create user", "Get a user", "List users", "Update user", "Delete a user", "user resource type".
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sandbox.faces import graph_errors as errors
from sandbox.faces.graph_errors import GraphError
from sandbox.faces.graph_licences import (
    assigned_licenses,
    assigned_plans,
    license_assignment_states,
    provisioned_plans,
)
from sandbox.faces.graph_operations import Operation
from sandbox.faces.graph_query import Condition, conditions, next_link, selected, whole_number
from sandbox.faces.graph_wire import Call, Json, Reply, without_annotations
from sandbox.world import directory_errors as no
from sandbox.world.directory import User

USER_WRITERS = frozenset({"User.ReadWrite.All", "Directory.ReadWrite.All"})
USER_READERS = frozenset({"User.Read.All", "Directory.Read.All", *USER_WRITERS})
PASSWORD_WRITER = "User-PasswordProfile.ReadWrite.All"
DEFAULT_PROPERTIES = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)
# Properties that are kept and shown, and have no effect in this world.
PLAIN_PROPERTIES = frozenset(
    {
        "ageGroup",
        "businessPhones",
        "city",
        "companyName",
        "country",
        "department",
        "employeeId",
        "employeeType",
        "givenName",
        "jobTitle",
        "mobilePhone",
        "officeLocation",
        "onPremisesImmutableId",
        "otherMails",
        "postalCode",
        "preferredLanguage",
        "state",
        "streetAddress",
        "surname",
    }
)
SETTABLE: Mapping[str, tuple[str, type]] = {
    "accountEnabled": ("account_enabled", bool),
    "displayName": ("display_name", str),
    "mailNickname": ("mail_nickname", str),
    "userPrincipalName": ("upn", str),
    "usageLocation": ("usage_location", str),
    "passwordPolicies": ("password_policies", str),
}
READ_ONLY = frozenset(
    {
        "assignedLicenses",
        "assignedPlans",
        "createdDateTime",
        "id",
        "licenseAssignmentStates",
        "provisionedPlans",
        "proxyAddresses",
    }
)
REQUIRED = ("accountEnabled", "displayName", "mailNickname", "userPrincipalName")
PASSWORD_PROPERTIES = frozenset(
    {"password", "forceChangePasswordNextSignIn", "forceChangePasswordNextSignInWithMfa"}
)
PAGE_DEFAULT = 100
PAGE_MAX = 999
FILTERS = frozenset(
    {
        ("id", "eq"),
        ("id", "in"),
        ("mail", "eq"),
        ("proxyAddresses", "any"),
        ("userPrincipalName", "eq"),
        ("userPrincipalName", "in"),
        ("userPrincipalName", "startswith"),
    }
)


def create_user(call: Call) -> Reply:
    """A new account; the answer has the default properties."""
    body = without_annotations(call.json())
    for name in REQUIRED:
        if body.get(name) in (None, ""):
            raise no.required(name)
    profile = _password_profile(body.pop("passwordProfile", None))
    if "password" not in profile:
        raise no.required("passwordProfile")
    blank = User("", "", "", "", call.world.kernel.now_utc())
    draft = replace(_changed(blank, body), **_password_fields(profile))
    immutable_id = body.get("onPremisesImmutableId")
    user = call.world.tenant.directory.create(draft, immutable_id)
    return Reply(201, _entity(call, user, list(DEFAULT_PROPERTIES)))


def get_user(call: Call) -> Reply:
    """One account by identifier or user principal name."""
    wanted = _wanted(call)
    user = call.world.tenant.directory.user(call.names["user"])
    return Reply(200, _entity(call, user, wanted))


def list_users(call: Call) -> Reply:
    """A page of accounts, filtered, by user principal name."""
    wanted = _wanted(call)
    query = call.request.query
    top = whole_number(query, "$top", PAGE_DEFAULT, PAGE_MAX)
    start = whole_number(query, "$skiptoken", 0, 10**9)
    found = call.world.tenant.directory.users()
    for condition in conditions(query, _unsupported("filter")):
        if (condition.path, condition.operator) not in FILTERS:
            raise _unsupported(condition.path)
        found = [user for user in found if _holds(user, condition)]
    page = found[start : start + top]
    value = [_chosen(call, user, wanted) for user in page]
    body: Json = {"@odata.context": call.context("users"), "value": value}
    if start + top < len(found):
        body["@odata.nextLink"] = next_link(
            call.request.root_url, "users", query, skiptoken=str(start + top)
        )
    return Reply(200, body)


def update_user(call: Call) -> Reply:
    """Change some properties; a password needs a permission of its own."""
    body = without_annotations(call.json())
    profile = body.pop("passwordProfile", None)
    if profile is not None:
        call.require(PASSWORD_WRITER)
        call.world.tenant.directory.check_password_may_be_set(call.names["user"])
    if body or profile is None:
        call.require(*USER_WRITERS)
    fields = _password_fields(_password_profile(profile)) if profile is not None else {}
    call.world.tenant.directory.update(
        call.names["user"], lambda user: replace(_changed(user, body), **fields)
    )
    return Reply(204)


def delete_user(call: Call) -> Reply:
    """Move an account to the deleted items."""
    call.world.tenant.directory.delete(call.names["user"])
    return Reply(204)


def list_deleted_users(call: Call) -> Reply:
    """Accounts that can still be restored."""
    wanted = _wanted(call)
    value = [_chosen(call, user, wanted) for user in call.world.tenant.directory.deleted()]
    return Reply(200, {"@odata.context": call.context("users"), "value": value})


def restore_deleted(call: Call) -> Reply:
    """Bring a deleted account back."""
    user = call.world.tenant.directory.restore(call.names["item"])
    return Reply(200, _entity(call, user, list(DEFAULT_PROPERTIES)))


def _changed(user: User, body: Json) -> User:
    """The account with the properties of a request body."""
    fields: dict[str, Any] = {}
    attributes = dict(user.attributes)
    for name, value in body.items():
        if name in READ_ONLY:
            raise errors.bad_request(
                f"Property '{name}' is read-only and cannot be set.", "Request_BadRequest"
            )
        if name in SETTABLE:
            field_name, kind = SETTABLE[name]
            if not isinstance(value, kind):
                raise no.invalid(name)
            fields[field_name] = value
        elif name == "mail":
            fields.update(_mail_fields(user, value))
        elif name in PLAIN_PROPERTIES:
            attributes[name] = value
        else:
            raise errors.bad_request(
                f"Property '{name}' does not exist as a declared property or extension property.",
                "Request_BadRequest",
            )
    return replace(user, **fields, attributes=tuple(sorted(attributes.items())))


def _mail_fields(user: User, mail: Any) -> dict[str, Any]:
    if not isinstance(mail, str) or "@" not in mail:
        raise no.invalid("mail")
    kept = tuple(p for p in user.proxy_addresses if p.lower() != f"smtp:{mail.lower()}")
    demoted = tuple(p.replace("SMTP:", "smtp:", 1) for p in kept)
    return {"mail": mail, "proxy_addresses": (f"SMTP:{mail}", *demoted)}


def _password_profile(profile: Any) -> Json:
    if profile is None:
        return {}
    if not isinstance(profile, dict):
        raise no.invalid("passwordProfile")
    known = without_annotations(profile)
    for name in known:
        if name not in PASSWORD_PROPERTIES:
            raise no.invalid("passwordProfile")
    return known


def _password_fields(profile: Json) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if isinstance(profile.get("password"), str):
        fields["password"] = profile["password"]
    if "password" in profile or "forceChangePasswordNextSignIn" in profile:
        # Said or not: a password somebody else has set is to be changed, unless the request says otherwise.
        fields["password_change_forced"] = profile.get("forceChangePasswordNextSignIn", True)
    return fields


def _wanted(call: Call) -> list[str]:
    names = selected(call.request.query)
    if names is None:
        return list(DEFAULT_PROPERTIES)
    known = {*PLAIN_PROPERTIES, *SETTABLE, *READ_ONLY, "mail", "passwordProfile"}
    for name in names:
        if name not in known:
            raise errors.unknown_property(name, "User", outlook=False)
    return names


def _entity(call: Call, user: User, wanted: list[str]) -> Json:
    return {
        "@odata.context": call.context("users/$entity"),
        **_chosen(call, user, wanted),
    }


def _chosen(call: Call, user: User, wanted: list[str]) -> Json:
    return {name: _value(call, user, name) for name in wanted}


def _value(call: Call, user: User, name: str) -> object:
    if name in SETTABLE:
        return getattr(user, SETTABLE[name][0])
    if name in _SHOWN:
        return _SHOWN[name](call, user)
    attributes = dict(user.attributes)
    return attributes.get(name, [] if name in ("businessPhones", "otherMails") else None)


_SHOWN: Mapping[str, Callable[[Call, User], object]] = {
    "id": lambda _, user: user.user_id,
    "mail": lambda _, user: user.mail,
    "proxyAddresses": lambda _, user: list(user.proxy_addresses),
    "createdDateTime": lambda _, user: user.created_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "passwordProfile": lambda _, __: None,  # never shown to an application
    "assignedLicenses": lambda _, user: assigned_licenses(user),
    "licenseAssignmentStates": lambda _, user: license_assignment_states(user),
    "assignedPlans": lambda call, user: assigned_plans(call.world.tenant.directory, user),
    "provisionedPlans": provisioned_plans,
}


def _holds(user: User, condition: Condition) -> bool:
    wanted = [value.lower() for value in condition.values]
    if condition.operator == "any":
        return any(proxy.lower() in wanted for proxy in user.proxy_addresses)
    values = {"id": user.user_id, "mail": user.mail or "", "userPrincipalName": user.upn}
    have = values[condition.path].lower()
    return have.startswith(wanted[0]) if condition.operator == "startswith" else have in wanted


def _unsupported(prop: str) -> GraphError:
    return errors.bad_request(
        f"Unsupported or invalid query filter clause specified for property '{prop}' of resource 'User'.",
        "Request_UnsupportedQuery",
    )


OPERATIONS = (
    Operation("POST", "users", create_user, USER_WRITERS | {"User.Create"}),
    Operation(
        "GET",
        "users",
        list_users,
        USER_READERS,
        frozenset({"$select", "$filter", "$top", "$skiptoken"}),
        units=2,
    ),
    Operation("GET", "users/{user}", get_user, USER_READERS, frozenset({"$select"})),
    Operation("PATCH", "users/{user}", update_user),
    Operation("DELETE", "users/{user}", delete_user, USER_WRITERS),
    *(
        Operation(
            "GET",
            f"directory/deletedItems/{namespace}.user",
            list_deleted_users,
            USER_READERS,
            frozenset({"$select"}),
        )
        # The service's metadata gives its namespace the alias that its SDKs write.
        for namespace in ("microsoft.graph", "graph")
    ),
    Operation(
        "POST",
        "directory/deletedItems/{item}/restore",
        restore_deleted,
        USER_WRITERS | {"User.DeleteRestore.All"},
    ),
)
