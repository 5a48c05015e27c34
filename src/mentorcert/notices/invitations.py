"""Mails about invitations; each has a login made for it first."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from mentorcert.db.connection import Connection
from mentorcert.notices import ledger
from mentorcert.notices.logins import LoginMaker
from mentorcert.notices.outbox import OutboxSender
from mentorcert.notices.rendering import Mail


@dataclass(frozen=True, slots=True)
class InvitationSender(OutboxSender):
    """Sends what is due; without `logins` nobody gets a login by it, and only the mail is sent."""

    logins: LoginMaker | None = None

    one = "invitation"
    many = "invitations"

    def _claim(self, conn: Connection) -> Sequence[UUID]:
        return ledger.claim_invitations(conn)

    def _contents(self, conn: Connection, claimed: Sequence[UUID]) -> Sequence[Mail]:
        return ledger.invitations(conn, claimed)

    def _is_refused_for_good(self, code: int) -> bool:
        # The administrators see it, and send it again.
        return bool(code)

    def _prepare(self, address: str) -> None:
        if self.logins is not None:
            self.logins.ensure(address)
