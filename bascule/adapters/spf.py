"""SPF as a receiver evaluates it: pyspf, with every one of its questions asked of our own resolvers."""

from collections.abc import Callable
from typing import Any

import spf

from bascule.domain.dns_records import Answer, DnsKind, Outcome
from bascule.domain.spf import SpfResult, SpfVerdict

LookUp = Callable[[str, DnsKind], Answer]
# RFC 7208 4.6.4: two questions without an answer are an oversight, a third is an error.
VOID_COUNT_MAX = 2
_KINDS = {
    each.value: each for each in (DnsKind.A, DnsKind.AAAA, DnsKind.MX, DnsKind.PTR, DnsKind.TXT)
}


def check_sender(look_up: LookUp, domain: str, record: str, sender: str) -> SpfVerdict:
    """The verdict of RFC 7208's `check_host()` on mail from `postmaster@domain`, sent by `sender`."""
    query = _Query(look_up, sender, domain)
    result, _, why = query.check(spf=record)
    is_error = result in (SpfResult.TEMPORARY, SpfResult.PERMANENT)
    return SpfVerdict(SpfResult(result), int(query.lookups), str(why) if is_error else "")


class _Query(spf.query):  # type: ignore[misc]  # pyspf has no types
    """One evaluation."""

    def __init__(self, look_up: LookUp, sender: str, domain: str) -> None:
        super().__init__(i=sender, s=f"postmaster@{domain}", h=domain, strict=True)
        self._look_up = look_up
        self._is_counted = False

    def check_lookups(self) -> None:
        """Count one question. Raises spf.PermError at the eleventh."""
        super().check_lookups()
        self._is_counted = True

    def dns_spf(self, domain: str) -> str | None:
        """The SPF record of a domain; counted for a `redirect=` too, which pyspf forgets (RFC 7208 4.6.4)."""
        if not self._is_counted:
            self.check_lookups()
        record: str | None = super().dns_spf(domain)
        return record

    def dns(
        self,
        name: Any,
        qtype: str,
        cnames: Any = None,  # noqa: ARG002  the resolver follows aliases
        ignore_void: bool = False,  # noqa: FBT001, FBT002, RUF100  pyspf's own signature
    ) -> list[Any]:
        """pyspf's one door to DNS. Raises spf.TempError when nobody knows, spf.PermError at the third void answer."""
        self._is_counted = False
        answer = self._look_up(str(name).rstrip(".").lower(), _KINDS[qtype])
        if not answer.is_known:
            raise spf.TempError(f"DNS {answer.outcome}: {answer.name}")
        if answer.outcome is not Outcome.FOUND and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > VOID_COUNT_MAX:
                raise spf.PermError(f"Void lookup limit of {VOID_COUNT_MAX} exceeded")
        return [_as_pyspf(answer.kind, value) for value in answer.values]


def _as_pyspf(kind: DnsKind, value: str) -> Any:
    if kind is DnsKind.TXT:
        return (value.encode("latin-1", "replace"),)
    if kind is DnsKind.MX:
        preference, _, target = value.partition(" ")
        return int(preference), target
    return value
