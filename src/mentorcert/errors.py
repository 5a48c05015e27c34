"""The one error tree, and the mapping of the database's own errors onto it."""

from typing import ClassVar, Self

import psycopg


class MentorcertError(Exception):
    """Something went wrong in mentorcert."""

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        constraint: str | None = None,
        hint: str | None = None,
    ) -> None:
        """Take the class docstring as the message where none is given."""
        super().__init__(message or type(self).__doc__)
        self.code = code
        self.constraint = constraint
        self.hint = hint


class InvalidInputError(MentorcertError):
    """The input is not valid."""

    exit_code = 2


class SettingError(InvalidInputError):
    """A setting in the environment is not valid."""


class PortalConfigurationError(SettingError):
    """The configuration of a connection to the portal is not valid."""


class SecretUnreadableError(PortalConfigurationError):
    """A secret is not where the configuration says."""


class UnknownOrganisationError(InvalidInputError):
    """There is no organisation with this slug."""

    @classmethod
    def named(cls, slug: str) -> Self:
        """Return the error that names the slug."""
        return cls(
            f"There is no organisation “{slug}”.",
            hint="`mentorcert organisation apply` sets one up; `mentorcert portal status` lists them.",
        )


class DatabaseUnreachableError(MentorcertError):
    """The database cannot be reached."""


class EmbeddedPostgresError(DatabaseUnreachableError):
    """The embedded PostgreSQL did not start."""


class BusyError(MentorcertError):
    """Too many people ask at the same time."""


class OpenTransactionError(MentorcertError):
    """Acting as a user needs a connection without an open transaction; the role ends with the work."""


class FailedTransactionError(MentorcertError):
    """A statement in the transaction failed, so nothing of it was kept."""


class PrivilegedConnectionError(MentorcertError):
    """The connection of the pages may read past row-level security."""


class ForbiddenError(MentorcertError):
    """Your role does not open this."""


class InvalidTokenError(MentorcertError):
    """The access token is not valid."""


class ExpiredTokenError(InvalidTokenError):
    """The access token has expired."""


class SignInRefusedError(InvalidInputError):
    """The e-mail address, the password or the code is wrong."""


class SignInUnavailableError(MentorcertError):
    """Signing in is not possible just now."""


class CsrfError(ForbiddenError):
    """The form is too old, or came from another site."""


class PreconditionFailedError(MentorcertError):
    """It is not what the header If-Match names: it was changed meanwhile, and nothing is written."""


class TooManyAttemptsError(MentorcertError):
    """There were too many attempts."""


class SnapshotError(MentorcertError):
    """The connection does not read the whole registry."""


class ImpersonationError(MentorcertError):
    """The connection may not act as the users of the registry."""


class InvalidCursorError(InvalidInputError):
    """The place in the list is not one that these pages gave."""


class LogFileError(InvalidInputError):
    """The file is not a log of the kind that was asked for."""


class MigrationError(MentorcertError):
    """The migrations cannot be applied."""


class MigrationNameError(MigrationError):
    """A migration file must be called <version>_<name>.sql, with digits as version, each version once."""


class DatabaseNewerError(MigrationError):
    """The database has migrations that this version of mentorcert does not know."""


class MigrationChangedError(MigrationError):
    """A migration file was changed after it was applied."""


class MigrationOrderError(MigrationError):
    """A migration file that is not applied sorts before one that is."""


class MigrationFailedError(MigrationError):
    """A migration file failed; nothing of it was kept."""


class MigrationLockedError(MigrationError):
    """Lock timeout; the migration was rolled back."""


class HistoryEntryError(MentorcertError):
    """A history entry does not have the shape of its version."""


class UnknownHistoryVersionError(HistoryEntryError):
    """A history entry is of a version that this release does not know."""


class FutureNightError(InvalidInputError):
    """A night that has not come cannot be run."""


class MailServerError(MentorcertError):
    """The mail server cannot be reached, or takes nothing from us."""


class NightlyFailedError(MentorcertError):
    """The nightly run failed; the ledger says why."""


class DatabaseError(MentorcertError):
    """The database refused the statement."""


class NotMigratedError(DatabaseError):
    """The database lacks a table or function that this version of mentorcert needs."""


class LockTimeoutError(DatabaseError):
    """Another session held a row or table for too long."""


class ConflictError(DatabaseError):
    """Another change came in between; the same call may succeed when it is repeated."""


class DuplicateError(DatabaseError):
    """A row with the same key exists already."""


class UnknownReferenceError(DatabaseError):
    """The row refers to something that does not exist in the organisation, or is itself still referred to."""


class ValueRejectedError(DatabaseError):
    """A value breaks a rule of its column or table."""


class MissingRightError(DatabaseError):
    """The row does not exist, or the caller lacks the right to do this with it."""


class RuleError(DatabaseError):
    """The change breaks a rule of the registry."""


class TransitionError(RuleError):
    """The certification cannot go from its present status to the wanted one."""


class UnknownTypeError(RuleError):
    """The organisation has no certification type with this code."""


class DateError(RuleError):
    """The certification's dates are not valid."""


class DateOrderError(DateError):
    """A certification must expire after it was issued."""


class ExpiryNotMidnightError(DateError):
    """A certification expires at a midnight in the organisation's time zone."""


class IssueNotMidnightError(DateError):
    """A certification is issued at a midnight in the organisation's time zone."""


class IssuedInFutureError(DateError):
    """A certification cannot be issued in the future."""


class RenewalBeforeIssueError(DateError):
    """A certification cannot be renewed from a day before it was issued."""


class RenewalShortensError(DateError):
    """A renewal does not shorten what is held."""


class BeyondTypeRuleError(DateError):
    """Only the administrator lets a certification hold longer than its type's rule."""


class ReasonRequiredError(RuleError):
    """The change needs a reason."""


class HistoryAppendOnlyError(RuleError):
    """Entries of a history are never changed, moved or removed."""


class NotRevertibleError(RuleError):
    """The change cannot be reverted, or the certification has been changed since."""


class ImmutableColumnError(RuleError):
    """The column never changes."""


class InvalidArgumentError(RuleError):
    """An argument is not valid."""


class ChapterCycleError(RuleError):
    """A chapter cannot lie under itself."""


class LastAdministratorError(RuleError):
    """The last administrator of an organisation stays."""


class TooManyLookupsError(RuleError):
    """Too many e-mail addresses were looked up within an hour."""


class StaleVersionError(RuleError):
    """The row was changed meanwhile; nothing is written."""


class EndpointDisabledError(DatabaseError):
    """The endpoint is switched off for now; nothing is lost."""


class PortalError(MentorcertError):
    """The portal did not accept what was sent to it."""

    error_class: ClassVar[str] = "portal"

    def __init__(
        self,
        message: str | None = None,
        *,
        http_status: int | None = None,
        retry_after: float | None = None,
        hint: str | None = None,
    ) -> None:
        """Take what may be logged: never a body, a secret or personal data; `retry_after` is in seconds."""
        super().__init__(message, hint=hint)
        self.http_status = http_status
        self.retry_after = retry_after


class PortalUnavailableError(PortalError):
    """The portal does not answer now, or asks to be called later."""

    error_class = "unavailable"


class PortalUnauthorisedError(PortalError):
    """The portal does not accept our credentials."""

    error_class = "unauthorised"


class PortalRejectedError(PortalError):
    """The portal refuses the message itself: the contract may have changed."""

    error_class = "rejected"


class PortalUnexpectedAnswerError(PortalError):
    """The portal's answer is not one that the contract knows."""

    error_class = "unexpected_answer"


class CannotReadError(PortalError):
    """What the portal says cannot be read through its adapter."""

    error_class = "cannot_read"


class RegistryChangedError(MentorcertError):
    """The registry was changed since the preview, and rows of the file do not fit it any more."""


class RequesterGoneError(MentorcertError):
    """Who asked for this is no administrator of the organisation any more."""


class AbandonedTaskError(MentorcertError):
    """The task waited for a day without a worker, or its worker was stopped three times."""


class ReconciliationRunningError(MentorcertError):
    """The organisation is being reconciled already."""


class SignatureError(PortalError):
    """The message is not signed as the contract says."""

    error_class = "signature"


class MessageInvalidError(PortalError):
    """A message does not follow its own schema; it was not sent."""

    error_class = "message_invalid"


_BY_CONSTRAINT: dict[str, type[DatabaseError]] = {
    "certification_date_order": DateOrderError,
    "certification_expires_at_midnight": ExpiryNotMidnightError,
    "certification_issued_at_not_future": IssuedInFutureError,
    "certification_renewal_after_issue": RenewalBeforeIssueError,
    "certification_renewal_keeps_validity": RenewalShortensError,
    "certification_expires_at_within_rule": BeyondTypeRuleError,
    "certification_issued_at_midnight": IssueNotMidnightError,
}

_BY_SQLSTATE: dict[str, type[DatabaseError]] = {
    "MC001": TransitionError,
    "MC002": UnknownTypeError,
    "MC003": DateError,
    "MC004": ReasonRequiredError,
    "MC005": HistoryAppendOnlyError,
    "MC006": NotRevertibleError,
    "MC007": ImmutableColumnError,
    "MC008": InvalidArgumentError,
    "MC009": ChapterCycleError,
    "MC010": EndpointDisabledError,
    "MC011": LastAdministratorError,
    "MC012": TooManyLookupsError,
    "PT409": StaleVersionError,
    "42501": MissingRightError,
    "23505": DuplicateError,
    "23503": UnknownReferenceError,
    "23502": ValueRejectedError,
    "23514": ValueRejectedError,
    "55P03": LockTimeoutError,
    "40001": ConflictError,
    "40P01": ConflictError,
    "42P01": NotMigratedError,
    "42703": NotMigratedError,
    "42883": NotMigratedError,
    "3F000": NotMigratedError,
}

_HINTS: dict[type[DatabaseError], str] = {
    NotMigratedError: "Run `mentorcert migrate`.",
    LockTimeoutError: "Try again; `select * from pg_stat_activity` shows who holds the lock.",
    ConflictError: "Try again.",
    DuplicateError: "Change or renew what is there.",
    EndpointDisabledError: "Try again later; `mentorcert endpoint list` says why.",
}


def from_postgres(exc: psycopg.Error) -> MentorcertError:
    """Return the error of our tree for a database error: by SQLSTATE, then by the constraint's name.

    The server's DETAIL, and its message where the registry did not write it, can quote a row; both stay out.
    """
    diag = exc.diag
    code, constraint = diag.sqlstate, diag.constraint_name
    # Without a SQLSTATE the server was never asked, here because of a value that it does not know, as a NUL;
    if isinstance(exc, psycopg.DataError) and code is None:
        return ValueRejectedError()
    # or it never answered; classes 08 and 57P end the connection.
    if isinstance(exc, psycopg.OperationalError) and (code is None or code.startswith(("08", "57P"))):
        return DatabaseUnreachableError(code=code, hint="Check DATABASE_URL and that the server runs.")
    kind = _BY_SQLSTATE.get(code or "", DatabaseError)
    narrower = _BY_CONSTRAINT.get(constraint or "", kind)
    if issubclass(narrower, kind):
        kind = narrower
    facts = [f"SQLSTATE {code}" if code else "", f"constraint {constraint}" if constraint else ""]
    message = f"{kind.__doc__} ({', '.join(filter(None, facts)) or type(exc).__name__})"
    own = issubclass(kind, RuleError)
    if own and diag.message_primary:
        message = f"{message}: {diag.message_primary}"
    hint = diag.message_hint if own else _HINTS.get(kind)
    return kind(message, code=code, constraint=constraint, hint=hint)
