"""How values travel to and from the Exchange admin gateway.

Source: the gateway's own service metadata (`#Exchange.ByteArrayType` holds `Data`, a `Collection(Edm.Byte)`).
"""

from datetime import UTC, datetime
from typing import Any

from bascule.domain.codes import Code
from bascule.domain.errors import Refusal

Row = dict[str, Any]

# .NET writes "never" as its first instant.
_NEVER_YEAR = 1
# Besides ISO 8601, the invariant culture's short form, with and without a twelve-hour clock.
_INVARIANT_FORMS = ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p")


def byte_array(content: bytes) -> Row:
    """Bytes as a parameter of type `byte[]`: numbers from 0 to 255."""
    return {"@odata.type": "#Exchange.ByteArrayType", "Data": list(content)}


def without_annotations(row: Row) -> Row:
    """A row without the companion keys (`Status@data.type`, `@odata.type`) that stand beside its properties."""
    return {name: value for name, value in row.items() if "@" not in name}


def instant_utc(value: object) -> datetime | None:
    """An instant of the gateway, which speaks UTC with or without saying so; None for null and for "never".

    Raises:
        Refusal(REQUEST_REJECTED): a form this product does not know; guessing a date would hide a stale sync.
    """
    text = str(value or "").strip()
    if not text:
        return None
    found = _iso(text) or _invariant(text)
    if found is None:
        raise Refusal(
            Code.REQUEST_REJECTED, f"Exchange wrote an instant in an unknown form: {text[:40]}"
        )
    aware = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return None if aware.year == _NEVER_YEAR else aware


def count(value: object) -> int:
    """A counter of the gateway; null is nought."""
    return int(str(value)) if value not in (None, "") else 0


def smtp_addresses(row: Row) -> tuple[str, ...]:
    """Every SMTP address of a recipient, lower case, the primary one first."""
    primary = str(row.get("PrimarySmtpAddress") or "").lower()
    proxies = (str(entry).lower() for entry in row.get("EmailAddresses") or ())
    others = sorted(entry[5:] for entry in proxies if entry.startswith("smtp:"))
    return tuple(dict.fromkeys(filter(None, (primary, *others))))


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # not this form; the caller tries the next one and refuses at the end
        return None


def _invariant(text: str) -> datetime | None:
    for form in _INVARIANT_FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:  # the same
            continue
    return None
