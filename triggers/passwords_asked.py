"""Reading what an operator asks about passwords over HTTP, every mistake at once."""

from datetime import datetime
from typing import Any

import azure.functions as func

from activities.export_passwords import ExportRequest
from bascule.composition import ports
from bascule.domain.addresses import address_problem, normal_address
from bascule.domain.password_requests import ResetRequest, Selection
from bascule.domain.plan import PasswordRule
from triggers.answers import BadRequest
from triggers.roles import asker
from triggers.wishes_asked import MAILBOXES_NAMED_MAX, json_object

SELECTION_FIELDS = {"batch", "cohort", "unit", "mailboxes"}
RESET_FIELDS = SELECTION_FIELDS | {"rule", "must_change", "dry_run"}
EXPORT_FIELDS = SELECTION_FIELDS | {"after", "top", "new_only", "uncertain"}
# A page is opened in a few seconds, far below the 230 s that a front door waits.
EXPORT_COUNT_MAX = 500
RULES = tuple(rule for rule in PasswordRule if rule is not PasswordRule.KEEP)


def reset_asked(request: func.HttpRequest, request_id: str) -> ResetRequest:
    """The reset in a request's body. Raises BadRequest with every mistake."""
    body, mistakes = _body(request, RESET_FIELDS)
    selection = _selection(body, mistakes)
    rule = body.get("rule")
    if rule is not None and rule not in RULES:
        mistakes.append(f"rule: give one of {', '.join(RULES)}, or leave it out")
    must_change = body.get("must_change")
    if must_change not in (None, True, False):
        mistakes.append("must_change: give true or false, or leave it out")
    is_dry_run = _flag(body, "dry_run", mistakes)
    _stop_at(mistakes)
    return ResetRequest(
        request_id,
        selection,
        asker(request),
        PasswordRule(rule) if rule else None,
        must_change,
        is_dry_run,
    )


def notice_asked(request: func.HttpRequest, request_id: str) -> ResetRequest:
    """Whom to tell, from a request's body. Raises BadRequest with every mistake."""
    body, mistakes = _body(request, SELECTION_FIELDS)
    selection = _selection(body, mistakes)
    if not ports().plan.notices.password_subject:
        mistakes.append("the plan has no notices.password_subject: there is nothing to send")
    _stop_at(mistakes)
    return ResetRequest(request_id, selection, asker(request), is_notice_only=True)


def export_asked(request: func.HttpRequest) -> ExportRequest:
    """The export in a request's body. Raises BadRequest with every mistake."""
    body, mistakes = _body(request, EXPORT_FIELDS)
    selection = _selection(body, mistakes)
    after, top = body.get("after", ""), body.get("top", EXPORT_COUNT_MAX)
    if not isinstance(after, str):
        mistakes.append("after: give what the last page answered")
    if type(top) is not int or not 1 <= top <= EXPORT_COUNT_MAX:
        mistakes.append(f"top: give a number from 1 to {EXPORT_COUNT_MAX}")
    is_new_only = _flag(body, "new_only", mistakes)
    has_uncertain = _flag(body, "uncertain", mistakes)
    _stop_at(mistakes)
    return ExportRequest(selection, asker(request), after, top, is_new_only, has_uncertain)


def written_asked(request: func.HttpRequest) -> dict[str, datetime]:
    """{address: when its password came into force}, from a request's body. Raises BadRequest with every mistake."""
    body, mistakes = _body(request, {"exported"})
    exported = body.get("exported")
    if not isinstance(exported, dict) or len(exported) > EXPORT_COUNT_MAX:
        mistakes.append(
            f"exported: give at most {EXPORT_COUNT_MAX} addresses, each with its set_utc"
        )
    _stop_at(mistakes)
    instants = {address: _instant(said) for address, said in dict(exported or {}).items()}
    mistakes += [
        f"exported: {address!r}: give the set_utc that the export answered"
        for address, instant in instants.items()
        if instant is None
    ]
    _stop_at(mistakes)
    return {address: instant for address, instant in instants.items() if instant is not None}


def _instant(said: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None


def address_asked(request: func.HttpRequest) -> str:
    """The one account that a request's body names. Raises BadRequest with every mistake."""
    body, mistakes = _body(request, {"address"})
    address = body.get("address")
    if not isinstance(address, str) or (problem := address_problem(normal_address(address))):
        mistakes.append(f"address: {problem if isinstance(address, str) else 'name the account'}")
    _stop_at(mistakes)
    return normal_address(str(address))


def _body(request: func.HttpRequest, fields: set[str]) -> tuple[dict[str, Any], list[str]]:
    body = json_object(request)
    return body, [f"{name}: there is no such field" for name in sorted(set(body) - fields)]


def _selection(body: dict[str, Any], mistakes: list[str]) -> Selection:
    """Something has to be chosen: nobody resets a whole tenant by leaving something out."""
    texts = {name: body.get(name, "") for name in ("batch", "cohort", "unit")}
    mistakes += [
        f"{name}: give a text" for name, text in texts.items() if not isinstance(text, str)
    ]
    addresses = _addresses(body.get("mailboxes", []), mistakes)
    if not any(texts.values()) and not addresses and not mistakes:
        mistakes.append("name a batch, a cohort, a unit, or mailboxes")
    if any(texts.values()) and addresses:
        mistakes.append("mailboxes: name them, or a batch, a cohort or a unit, and not both")
    _check_names(texts, mistakes)
    return Selection(**{name: str(text) for name, text in texts.items()}, addresses=addresses)


def _check_names(texts: dict[str, Any], mistakes: list[str]) -> None:
    cohort, batch = texts["cohort"], texts["batch"]
    if not isinstance(cohort, str) or not isinstance(batch, str):
        return  # named already
    if cohort and cohort not in ports().plan.cohorts:
        mistakes.append(f"cohort: the plan has: {', '.join(sorted(ports().plan.cohorts))}")
    if batch and ports().ledger.find_batch(batch) is None:
        mistakes.append("batch: there is none of that name")


def _addresses(asked: Any, mistakes: list[str]) -> tuple[str, ...]:
    if not isinstance(asked, list) or not all(isinstance(each, str) for each in asked):
        mistakes.append("mailboxes: give a list of addresses")
        return ()
    if len(asked) > MAILBOXES_NAMED_MAX:
        mistakes.append(f"mailboxes: name at most {MAILBOXES_NAMED_MAX} in one request")
        return ()
    addresses = tuple(dict.fromkeys(normal_address(each) for each in asked))
    mistakes += [
        f"mailboxes: {address!r} {problem}"
        for address in addresses
        if (problem := address_problem(address))
    ]
    return addresses


def _flag(body: dict[str, Any], name: str, mistakes: list[str]) -> bool:
    flag = body.get(name, False)
    if type(flag) is not bool:
        mistakes.append(f"{name}: give true or false")
    return bool(flag)


def _stop_at(mistakes: list[str]) -> None:
    if mistakes:
        raise BadRequest(*mistakes)
