"""The one error tree, and the mapping of the database's own errors onto it."""

from typing import ClassVar, Literal, Self

import psycopg

RefusedIdentity = Literal["clock", "consent", "email", "stale", "token", "unknown"]


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


class JournalError(MentorcertError):
    """The journal cannot be read or written."""


class PortalConfigurationError(SettingError):
    """The configuration of a connection to the portal is not valid."""


class OtherPortalError(PortalConfigurationError):
    """The file names another portal than the recorded one."""


class SecretUnreadableError(SettingError):
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


class UnservedDatabaseError(MentorcertError):
    """One of several databases is not served."""


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


class WrongRoleError(MentorcertError):
    """The command needs another database role."""

    @classmethod
    def of(cls, needed: str, login: str) -> Self:
        """Return the error that names the role that is needed, and the one that is connected."""
        return cls(
            f"This needs {needed}; you are connected as {login}.",
            code="42501",
            hint="Let DATABASE_URL connect as that role: docs/operations.md, Login roles.",
        )


class ForbiddenError(MentorcertError):
    """Your role does not open this."""


class InvalidTokenError(MentorcertError):
    """The access token is not valid."""


class ExpiredTokenError(InvalidTokenError):
    """The access token has expired."""


class SignInRefusedError(InvalidInputError):
    """The e-mail address, the password or the code is wrong."""


class IdentityRefusedError(SignInRefusedError):
    """The sign-in at the provider cannot be used; `reason` says why."""

    def __init__(self, message: str | None = None, *, reason: RefusedIdentity = "token") -> None:
        """Take the reason, for which the pages have words."""
        super().__init__(message)
        self.reason = reason


class SignInUnavailableError(MentorcertError):
    """Signing in is not possible just now."""


class CsrfError(ForbiddenError):
    """The form is too old, or came from another site."""


class PreconditionFailedError(MentorcertError):
    """It is not what the header If-Match names: it was changed meanwhile, and nothing is written."""


class TooManyAttemptsError(MentorcertError):
    """There were too many attempts."""


class MissingProgramError(MentorcertError):
    """A program that this needs is not installed."""


class DataApiEndedError(MentorcertError):
    """The Data API for development has ended."""


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


class MigrationVersionTakenError(MigrationError):
    """The ledger has another migration under the version of one of ours."""


class NameTakenError(MigrationError):
    """Names that the registry needs are somebody else's already."""


class IncompleteRestoreError(MigrationError):
    """The ledger says that migrations are applied whose tables or functions are missing."""


class MigrationFailedError(MigrationError):
    """A migration file failed; nothing of it was kept."""


class MigrationLockedError(MigrationError):
    """Lock timeout; the migration was rolled back."""


class TableHeldError(MigrationLockedError):
    """Another session holds a table that the migration needs; the migration was rolled back."""


class UnreadableValueError(MentorcertError):
    """A value in the registry cannot be read."""


class HistoryEntryError(MentorcertError):
    """A history entry does not have the shape of its version."""


class UnknownHistoryVersionError(HistoryEntryError):
    """A history entry is of a version that this release does not know."""


class FutureNightError(InvalidInputError):
    """A night that has not come cannot be run."""


class MailServerError(MentorcertError):
    """The mail server cannot be reached, or takes nothing from us."""


class AuthAdminError(MentorcertError):
    """Supabase Auth makes no logins for us just now."""


class LoginRefusedError(MentorcertError):
    """Supabase Auth does not take this address."""


class NightlyFailedError(MentorcertError):
    """The nightly run failed; the ledger says why."""


class DatabaseError(MentorcertError):
    """The database refused the statement."""


class NotMigratedError(DatabaseError):
    """The database lacks a table or function that this version of mentorcert needs."""


class DuplicateError(DatabaseError):
    """A row with the same key exists already."""


class UnknownReferenceError(DatabaseError):
    """The row refers to something that does not exist in the organisation, or is itself still referred to."""


class ValueRejectedError(DatabaseError):
    """A value breaks a rule of its column or table."""


class MissingRightError(DatabaseError):
    """The row does not exist, or the caller lacks the right to do this with it."""


class MergedError(MissingRightError):
    """The two are one person, whose page stands for both."""

    def __init__(self, message: str | None = None, *, asked: str = "", kept: str = "") -> None:
        """Take the id as it was asked for, and that of the row that stands for it."""
        super().__init__(message)
        self.asked = asked
        self.kept = kept


class NotGrantedError(MissingRightError):
    """It is not within reach, or the database role of this connection may not do this."""


class LaterError(DatabaseError):
    """The database cannot do this just now; nothing was written."""


class TransientError(LaterError):
    """Another change was in the way; nothing was written."""


class LockTimeoutError(TransientError):
    """Another change held the same rows for too long; nothing was written."""


class ConflictError(TransientError):
    """Another change came in between; nothing was written."""


class DiskFullError(LaterError):
    """The database server has no room left; nothing was written."""


class NoConnectionLeftError(LaterError):
    """The database server has no connection left."""


class StatementTimeoutError(LaterError):
    """The database took too long, so it stopped; nothing was written."""


class ReadOnlyServerError(LaterError):
    """The database takes no changes just now."""


class RuleError(DatabaseError):
    """The change breaks a rule of the registry."""


class TransitionError(RuleError):
    """The certification cannot go from its present status to the wanted one."""


class RequestSettledError(TransitionError):
    """The request was settled already, or nothing was asked back."""


class CourseSettledError(TransitionError):
    """The course was cancelled or closed already, or is not closed."""


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


class PrerequisitesMissingError(InvalidArgumentError):
    """What the course requires is not held, valid, on its first day."""


class ChapterCycleError(RuleError):
    """A chapter cannot lie under itself."""


class LastAdministratorError(RuleError):
    """The last administrator of an organisation stays."""


class ConsequencesUnseenError(RuleError):
    """The change is made only after its consequences were shown."""


class TooManyLookupsError(RuleError):
    """Too many e-mail addresses were looked up within an hour."""


class ConsentWithdrawnError(RuleError):
    """The consent was withdrawn; to give it again is an act of its own."""


class ErasedPersonError(RuleError):
    """A person with this number or e-mail address was erased, and stays erased."""


class MergedPersonError(RuleError):
    """The peer mentor was merged into another one; change that one."""


class CallerUnknownError(RuleError):
    """Who acts is not known, or changed within the statement."""


class RetiredError(RuleError):
    """It is retired; nothing new is registered or enters."""


class ChapterInUseError(RetiredError):
    """Peer mentors are in this chapter, or chapters lie under it. Move them first."""


class OutdatedError(RuleError):
    """It ended too long ago: a refresher does not renew it any more."""


class NeedsCourseError(OutdatedError):
    """It ended too long ago for a refresher. It takes the whole course."""


class NeedsRegistrationError(OutdatedError):
    """It ended too long ago for a refresher. It takes a new registration."""


class FedError(RuleError):
    """It comes from the project's own tables, and is changed there."""


class StaleVersionError(RuleError):
    """The row was changed meanwhile; nothing is written."""


class ConsequencesChangedError(StaleVersionError):
    """The consequences are other ones than those that were shown."""


class CourseOutcomesChangedError(StaleVersionError):
    """What closing the course gives is not what was previewed."""


class EndedSessionError(DatabaseError, InvalidTokenError):
    """The session has ended."""


class UnseenRowsError(DatabaseError):
    """The answer had rows of an organisation of which the database shows the caller none."""


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
    "certification_outdated_course": NeedsCourseError,
    "certification_outdated_registration": NeedsRegistrationError,
    "chapters_retired_empty": ChapterInUseError,
    "renewal_requests_transition": RequestSettledError,
    "consequences_seen": ConsequencesUnseenError,
    "consequences_as_shown": ConsequencesChangedError,
    "courses_transition": CourseSettledError,
    "course_prerequisites_held": PrerequisitesMissingError,
    "course_outcomes_as_shown": CourseOutcomesChangedError,
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
    "MC020": ConsentWithdrawnError,
    "MC021": ErasedPersonError,
    "MC022": CallerUnknownError,
    "MC023": MergedPersonError,
    "MC024": RetiredError,
    "MC025": FedError,
    "MC026": OutdatedError,
    "PT401": EndedSessionError,
    "PT409": StaleVersionError,
    "PT500": UnseenRowsError,
    "42501": MissingRightError,
    "23505": DuplicateError,
    "23503": UnknownReferenceError,
    # A number or a date beyond its type, and what no text may hold.
    "22003": ValueRejectedError,
    "22007": ValueRejectedError,
    "22008": ValueRejectedError,
    "22021": ValueRejectedError,
    "22P05": ValueRejectedError,
    # What a function of PostgreSQL does not take, as an infinite instant or a null among ids.
    "0A000": ValueRejectedError,
    "22004": ValueRejectedError,
    "22023": ValueRejectedError,
    # A page of a negative size, and what is too long for an index or too deep for the parser.
    "2201W": ValueRejectedError,
    "2201X": ValueRejectedError,
    "54000": ValueRejectedError,
    "54001": ValueRejectedError,
    "25006": ReadOnlyServerError,
    "53000": LaterError,
    "53100": DiskFullError,
    "53200": LaterError,
    "53300": NoConnectionLeftError,
    "53400": LaterError,
    "57014": StatementTimeoutError,
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
    ConflictError: "Try again, with the same.",
    NotGrantedError: (
        "An operator's command connects as the owner of the tables, a process as its login role:"
        " docs/access.md, Login roles."
    ),
    LaterError: "Try again; if it stays so, look into the log of the database server.",
    DiskFullError: "Free space where the database server keeps its data; then try again.",
    NoConnectionLeftError: "Try again; if it stays so, raise max_connections, or put a pooler in front.",
    StatementTimeoutError: "Try again, with less at once; `select * from pg_stat_activity` shows what the server is busy with.",
    ReadOnlyServerError: "Let DATABASE_URL name the primary server, and not a standby; or wait until it takes changes again.",
    ValueRejectedError: "Look for an empty, infinite or very large value.",
    DuplicateError: "Change or renew what is there.",
    EndedSessionError: "Sign in again.",
    EndpointDisabledError: "Try again later; `mentorcert endpoint list` says why.",
}


def from_postgres(exc: psycopg.Error) -> MentorcertError:
    """Return the error of our tree for a database error: by SQLSTATE, then by the constraint's name.

    The server's DETAIL, and its message where the registry did not write it, can quote a row; both stay out.
    """
    if isinstance(exc, psycopg.errors.PipelineAborted):
        # At the end of a pipeline psycopg raises this in place of the error that it comes from.
        first = exc.__context__
        return from_postgres(first) if isinstance(first, psycopg.Error) else FailedTransactionError()
    diag = exc.diag
    code, constraint = diag.sqlstate, diag.constraint_name
    # Without a SQLSTATE the server was never asked, here because of a value that it does not know, as a NUL;
    if isinstance(exc, psycopg.DataError) and code is None:
        return ValueRejectedError()
    # or it never answered; classes 08 and 57P end the connection.
    if isinstance(exc, psycopg.OperationalError) and (code is None or code.startswith(("08", "57P"))):
        return DatabaseUnreachableError(code=code, hint="Check DATABASE_URL and that the server runs.")
    kind = _BY_SQLSTATE.get(code or "", DatabaseError)
    # Our own rules name what is broken; PostgreSQL refuses what was not granted without a name.
    if kind is MissingRightError and constraint is None:
        kind = NotGrantedError
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
