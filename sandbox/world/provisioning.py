"""From a licence to a mailbox: what happens between assignLicense and the first message.

    licence with a mailbox plan on --(weather.mailbox_provisioning)--> mailbox open, addresses stamped
    plan off or licence gone       --> mailbox put away, its content kept thirty days, back with the next licence

Source: Microsoft Graph "Get user mailbox settings"; Exchange Online, "Delete or restore user mailboxes"; Microsoft
Entra, "How the proxyAddresses attribute is populated".
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.world.cloud import CloudMailbox, CloudMailboxes
from sandbox.world.directory import Directory, User
from sandbox.world.kernel import Kernel
from sandbox.world.licences import MAILBOX_PLANS
from sandbox.world.weather import Weather

PUT_AWAY_KEPT = timedelta(days=30)
# How far provisioning has come when the mailbox starts to answer, but with half of its properties: the last tenth.
HALF_DONE_RATIO = 0.9


@dataclass(frozen=True)
class NotReady:
    """What the mailbox service answers, always with 404, while there is no mailbox to open."""

    code: str
    message: str


INACTIVE = NotReady(
    "MailboxNotEnabledForRESTAPI",
    "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
)
UNDISCOVERED = NotReady("ResourceNotFound", "Resource could not be discovered.")
HALF_DONE = NotReady(
    "ErrorItemNotFound",
    "The specified object was not found in the store., The process failed to get the correct properties.",
)


@dataclass
class _Opening:
    since_utc: datetime
    until_utc: datetime


@dataclass
class _PutAway:
    when_utc: datetime
    mailbox: CloudMailbox


class Provisioning:
    """Opens and puts away mailboxes as the licences of their users change."""

    def __init__(
        self, kernel: Kernel, weather: Weather, directory: Directory, mailboxes: CloudMailboxes
    ) -> None:
        self._kernel = kernel
        self._weather = weather
        self._directory = directory
        self._mailboxes = mailboxes
        self._opening: dict[str, _Opening] = {}
        self._put_away: dict[str, _PutAway] = {}
        # Mailboxes that live by a licence; shared ones need none and survive without.
        self._licensed: set[str] = set()
        directory.on_licences_changed.append(self._follow)
        mailboxes.on_opened.append(self._adopt)

    def why_not_ready(self, user_id: str) -> NotReady | None:
        """What the mailbox service says about a user's mailbox; None when it is open.

        For one and the same mailbox the answer alternates between its codes, as it does in the service.
        """
        with self._kernel.look():
            if self._mailboxes.of_user(user_id):
                return None
            opening = self._opening.get(user_id)
            if opening and self._is_half_done(opening):
                return HALF_DONE
            return self._kernel.chance("mailbox-readiness").choice((INACTIVE, UNDISCOVERED))

    def is_entitled(self, user: User) -> bool:
        """Whether a plan with a mailbox is on."""
        return bool(self._directory.shelf.enabled_plans(user.licences) & MAILBOX_PLANS)

    def _adopt(self, mailbox: CloudMailbox) -> None:
        address = mailbox.primary_address
        self._directory.adopt(mailbox.user_id, address, address.partition("@")[0])

    def _is_half_done(self, opening: _Opening) -> bool:
        whole = opening.until_utc - opening.since_utc
        return self._kernel.now_utc() >= opening.since_utc + whole * HALF_DONE_RATIO

    def _follow(self, user: User) -> None:
        has_mailbox = self._mailboxes.of_user(user.user_id) is not None
        if self.is_entitled(user):
            if not has_mailbox and user.user_id not in self._opening:
                self._start_opening(user.user_id)
            return
        self._opening.pop(user.user_id, None)
        if has_mailbox and user.user_id in self._licensed:
            self._licensed.discard(user.user_id)
            mailbox = self._mailboxes.close(user.user_id)
            self._put_away[user.user_id] = _PutAway(self._kernel.now_utc(), mailbox)

    def _start_opening(self, user_id: str) -> None:
        span = self._weather.mailbox_provisioning
        delay_s = self._kernel.chance("mailbox-provisioning").uniform(span.min_s, span.max_s)
        now_utc = self._kernel.now_utc()
        opening = _Opening(now_utc, now_utc + timedelta(seconds=delay_s))
        self._opening[user_id] = opening
        self._kernel.at(opening.until_utc, lambda: self._open(user_id, opening))

    def _open(self, user_id: str, opening: _Opening) -> None:
        if self._opening.get(user_id) is not opening:
            return  # the licence went away meanwhile, and perhaps came back: that opening has its own hour
        del self._opening[user_id]
        user = self._directory.truth(user_id)
        if user is None or self._mailboxes.of_user(user_id):
            return
        primary, others = self._addresses(user)
        self._licensed.add(user_id)
        self._mailboxes.open(self._mailbox(user_id, primary, others))
        self._directory.stamp_addresses(user_id, primary, others)

    def _mailbox(self, user_id: str, primary: str, others: tuple[str, ...]) -> CloudMailbox:
        now_utc = self._kernel.now_utc()
        kept = self._put_away.pop(user_id, None)
        if kept and kept.when_utc > now_utc - PUT_AWAY_KEPT:
            return kept.mailbox
        guid = uuid.UUID(int=self._kernel.chance("exchange-guids").getrandbits(128), version=4)
        addresses = {primary.lower(), *(other.lower() for other in others)}
        return CloudMailbox(user_id, str(guid), primary, addresses, now_utc)

    def _addresses(self, user: User) -> tuple[str, tuple[str, ...]]:
        """The primary address, then the others; always among them one at the tenant's initial domain."""
        initial = self._directory.domains.initial_domain
        local = user.upn.rpartition("@")[0]
        routing = [f"{local}@{initial}"]
        if user.mail_nickname.lower() != local.lower():
            routing.append(f"{user.mail_nickname}@{initial}")
        candidates = [user.upn, *routing]
        free = [address for address in candidates if self._is_free(address, user.user_id)]
        unique = list(dict.fromkeys(free))
        return unique[0], tuple(unique[1:])

    def _is_free(self, address: str, user_id: str) -> bool:
        accepted = self._directory.domains.is_accepted(address.rpartition("@")[2])
        return accepted and self._directory.holder(address) in (None, user_id)
