"""One request: its user, one transaction with that user's rights, and the answer."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup
from starlette.datastructures import URL
from starlette.routing import Match

from mentorcert.access import request_log
from mentorcert.db import rows
from mentorcert.db.connection import Connection, acting_as, commit_and_go_on
from mentorcert.db.session import allow_lost_commit, raise_statement_timeout
from mentorcert.errors import CsrfError, ForbiddenError, MergedError, MissingRightError
from mentorcert.organisations import form_drafts, own_organisation, peer_mentors
from mentorcert.organisations.form_drafts import Draft
from mentorcert.organisations.memberships import Role
from mentorcert.organisations.own_organisation import OwnOrganisation
from mentorcert.translations import Language, translations
from mentorcert.web.configuration import Configuration
from mentorcert.web.csrf import SentForm
from mentorcert.web.rendering.languages import language_of
from mentorcert.web.rendering.templating import environment
from mentorcert.web.security.cookies import FORM_FIELD, Cookies
from mentorcert.web.security.session import cookies_of, identify, services_of
from mentorcert.web.security.tokens import User
from mentorcert.web.services import Services

T = TypeVar("T")
P = ParamSpec("P")

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Alarm:
    """An urgent matter, in the reader's language, and the page about it."""

    text: str
    path: str


class SignInNeededError(Exception):
    """The page is for people who are signed in."""


class OrganisationNeededError(Exception):
    """The page is for members of an organisation; the user is in none, or must choose among several."""


class OtherOrganisationError(Exception):
    """The form was opened in another organisation than the one in which the user acts now."""

    def __init__(self, opened: OwnOrganisation | None, current: OwnOrganisation | None) -> None:
        """Take both; `opened` is None where it is none of the user's any more."""
        super().__init__()
        self.opened = opened
        self.current = current


@dataclass(slots=True)
class RequestContext:
    """A request in its transaction; `organisation` is None without a sign-in, or with none or several.

    `organisation_ids` are those of all rows that were fetched so far, for the access log.
    """

    request: Request
    conn: Connection
    cookies: Cookies
    language: Language
    user: User | None
    organisation: OwnOrganisation | None
    organisation_ids: set[UUID] = field(default_factory=set)
    refusal: Exception | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    sent_alarms: rows.Answer[Sequence[Alarm]] | None = None
    sent_draft: rows.Answer[Draft | None] | None = None

    @property
    def roles(self) -> frozenset[Role]:
        """The user's roles; `peer_mentor` also where only a row in peer_mentors says so."""
        return frozenset(self.organisation.roles if self.organisation else ())

    @property
    def services(self) -> Services:
        """What the process shares."""
        return services_of(self.request)

    def member(self) -> tuple[User, OwnOrganisation]:
        """Return the user and the organisation of a member's page."""
        if self.user is None:
            raise SignInNeededError
        if self.refusal is not None:
            raise self.refusal
        if self.organisation is None:
            raise OrganisationNeededError
        return self.user, self.organisation

    def commit(self) -> None:
        """Keep what was written so far, whatever comes of the request: before the next answer that is read."""
        commit_and_go_on(self.conn, self.claims)

    def alarms(self) -> Sequence[Alarm]:
        """Return what an administrator must know, on every page."""
        return self.sent_alarms.value if self.sent_alarms else ()

    def ahead(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> rows.Answer[T]:
        """Ask by a function that fetches, without waiting: its answer comes with the next one that is read."""
        return rows.ahead(function, self.conn, *args, **kwargs)

    def _(self, text: str, **values: object) -> str:
        """Return a text in the reader's language, with `%(name)s` filled in."""
        return translations(self.language).gettext(text) % values

    def ngettext(self, singular: str, plural: str, number: int, **values: object) -> str:
        """Return the singular or the plural, with `%(num)s` and others filled in."""
        return translations(self.language).ngettext(singular, plural, number) % {"num": number, **values}

    def raise_statement_timeout(self) -> None:
        """Let the statements of a change of thousands of rows take longer than a page may."""
        raise_statement_timeout(self.conn)

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """Render a template."""
        return render(self.request, template, status=status, context=self, **values)

    def redirect(self, path: str, *, notice: str | None = None) -> Response:
        """Send the browser on, with a message for the next page."""
        if notice is not None:
            self.cookies.sign("message", notice)
        return RedirectResponse(path, 303)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request failed, for the menu of the page that says so."""

    user: User | None
    organisation: OwnOrganisation | None

    @property
    def roles(self) -> frozenset[Role]:
        """As the request's own."""
        return frozenset(self.organisation.roles if self.organisation else ())

    def alarms(self) -> Sequence[Alarm]:
        """Return none: an error is enough."""
        return ()


# What a page that is the same for all readers has of the one who reads it.
_NOBODYS: Final[Mapping[str, Any]] = {"context": None, "printed_on": None, "cookies": None, "message": None}


@dataclass(frozen=True, slots=True)
class Shared:
    """A page that is the same for all readers of a language: it uses no cookies and sets none."""

    language: Language
    path: str
    query: str
    configuration: Configuration

    def render(self, template: str, **values: Any) -> str:
        """Return the page."""
        url = URL(f"{self.path}?{self.query}")
        other = url.include_query_params(language="nb" if self.language == "en" else "en")
        return (
            environment(self.language)
            .get_template(template)
            .render(
                **_NOBODYS,
                summary=[],
                language=self.language,
                path=self.path,
                in_other_language=other.query,
                here=f"{self.path}?{self.query}" if self.query else self.path,
                configuration=self.configuration,
                **values,
            )
        )


def render(
    request: Request,
    template: str,
    *,
    status: int = 200,
    context: "RequestContext | Caller | None" = None,
    is_shared: bool = False,
    **values: Any,
) -> Response:
    """Render a template, also without a context, as after an error.

    A shared page is the same for all readers of a language: it uses no cookies and sets none.
    """
    cookies = cookies_of(request)
    language = language_of(request, cookies)
    personal = _NOBODYS
    if not is_shared:
        message = cookies.signed("message")
        if message is not None:
            del cookies["message"]
        # Of two tabs the one may change over to another organisation: a form acts where it was opened.
        organisation = context.organisation if context else None
        personal = {
            "context": context,
            "printed_on": datetime.now(ZoneInfo(organisation.time_zone)).date() if organisation else None,
            "cookies": cookies,
            "message": message,
            "csrf": csrf_field(
                cookies,
                organisation.id if organisation else None,
                context.user.id if context and context.user else None,
            ),
        }
    html = (
        environment(language)
        .get_template(template)
        .render(
            **personal,
            summary=[],
            status=status,
            language=language,
            path=request.url.path,
            in_other_language=request.url.include_query_params(
                language="nb" if language == "en" else "en"
            ).query,
            **{
                "here": _here(request),
                # A page that names its own address needs nothing of what was sent.
                "sent_fields": () if "here" in values else _typed(request, context),
                "configuration": services_of(request).configuration,
                **values,
            },
        )
    )
    return HTMLResponse(html, status, {"Content-Language": language, "Vary": "Accept-Language, Cookie"})


def csrf_field(cookies: Cookies, organisation_id: UUID | None, user_id: UUID | None) -> Markup:
    """Return the field without which no form is taken; it names the organisation in which the form acts."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(
        FORM_FIELD, cookies.form_token(organisation_id, user_id)
    )


@contextmanager
def request_context(
    request: Request, user: User | None, *, chosen: UUID | None = None, is_public: bool = False
) -> Iterator[RequestContext]:
    """Open the transaction of a request; its reads are logged in it, an error rolls all of it back.

    `chosen` is the organisation in which to act where the token names none. What is open to all (`is_public`) may be
    read on a standby; the reads of a user are written down, so they are not.
    """
    cookies = cookies_of(request)
    language = language_of(request, cookies)
    services = services_of(request)
    connections = services.public if is_public and user is None else services.pool
    with connections.connection() as conn, conn.pipeline():
        if user is None:
            with acting_as(conn, None, role="anon"):
                yield RequestContext(request, conn, cookies, language, None, None)
            return
        claims = user.claims_in(chosen)
        with rows.observing(conn) as organisation_ids, acting_as(conn, claims):
            context = RequestContext(
                request, conn, cookies, language, user, None, organisation_ids, claims=claims
            )
            if request.method in SAFE_METHODS:
                # It writes only the access log: the answer need not wait until that is on disk.
                allow_lost_commit(conn)
            context.sent_draft = _draft_ahead(context)
            context.organisation = own_organisation.current(conn)
            yield context
            request_log.write(
                conn,
                request.scope["route"].path_format,
                organisation_ids,
                request_id=request.state.request_id,
            )


def chosen_organisation(cookies: Cookies) -> UUID | None:
    """Return the organisation that the person chose; the database checks that it is one of theirs."""
    try:
        return UUID(cookies["organisation"] or "")
    except ValueError:
        return None


async def _acquire_connection(request: Request) -> AsyncIterator[None]:
    """Wait until a connection is free, without a thread: those who hold a connection need the threads."""
    async with services_of(request).limiter.acquire():
        yield


# Acquire the connection limiter first, the pooled connection last.
ConnectionSlot = Annotated[None, Depends(_acquire_connection, scope="function")]


def _optional_user(
    request: Request, user: Annotated[User | None, Depends(identify)], _slot: ConnectionSlot
) -> Iterator[RequestContext]:
    form: SentForm | None = getattr(request.state, "sent_form", None)
    cookies = cookies_of(request)
    chosen = form.organisation_id if form and form.switches else chosen_organisation(cookies)
    with request_context(request, user, chosen=chosen) as context:
        request.state.caller = Caller(context.user, context.organisation)
        if "org_admin" in context.roles:
            context.sent_alarms = request.app.state.alarms(context)
        context.refusal = _refusal(context, form)
        if form and form.switches and context.organisation and not context.refusal:
            cookies["organisation"] = str(context.organisation.id)
        kept = _ahead_where_merged(context)
        try:
            yield context
        except MissingRightError:
            if kept is not None and kept.value is not None:
                raise MergedError(asked=request.path_params["mentor_id"], kept=str(kept.value)) from None
            raise


def _ahead_where_merged(context: RequestContext) -> rows.Answer[UUID | None] | None:
    """Ask who stands for the person whose page is asked for; an error may end the transaction before one knows."""
    asked = context.request.path_params.get("mentor_id")
    if asked is None or context.user is None or context.request.method not in SAFE_METHODS:
        return None
    try:
        return context.ahead(peer_mentors.merged_into, UUID(asked))
    except ValueError:
        return None


def _draft_ahead(context: RequestContext) -> rows.Answer[Draft | None] | None:
    """Ask for the form that an address names, together with the organisation."""
    request = context.request
    if "draft" not in request.query_params or request.method not in SAFE_METHODS:
        return None
    try:
        return context.ahead(form_drafts.find, UUID(request.query_params["draft"]), request.url.path)
    except ValueError:
        return None


def _refusal(context: RequestContext, form: SentForm | None) -> Exception | None:
    """Return why a form does not act in the present organisation; None where it does."""
    current = context.organisation
    if form is None or context.user is None or form.organisation_id == (current and current.id):
        return None
    if form.organisation_id is None:
        # Without a choice there is one organisation only, and no doubt.
        return CsrfError() if context.cookies["organisation"] and current else None
    own = own_organisation.every(context.conn)
    return OtherOrganisationError(next((of for of in own if of.id == form.organisation_id), None), current)


# The transaction ends before the answer is sent: an answer of success is committed.
OptionalUser = Annotated[RequestContext, Depends(_optional_user, scope="function")]


# None of these waits for anything, so none is worth a thread.


async def _current_user(context: OptionalUser) -> RequestContext:
    if context.user is None:
        raise SignInNeededError
    return context


CurrentUser = Annotated[RequestContext, Depends(_current_user, scope="function")]


async def _member(context: CurrentUser) -> RequestContext:
    context.member()
    return context


CurrentMember = Annotated[RequestContext, Depends(_member, scope="function")]


async def _coordinator(context: CurrentMember) -> RequestContext:
    if not context.roles & {"coordinator", "org_admin"}:
        raise ForbiddenError
    return context


CurrentCoordinator = Annotated[RequestContext, Depends(_coordinator, scope="function")]


async def _administrator(context: CurrentMember) -> RequestContext:
    if "org_admin" not in context.roles:
        raise ForbiddenError
    return context


CurrentAdministrator = Annotated[RequestContext, Depends(_administrator, scope="function")]


def sign_in_path(request: Request) -> str:
    """Return the address of the sign-in, with the way back to the requested page."""
    if request.method not in SAFE_METHODS:
        return "/sign-in"
    return f"/sign-in?{urlencode({'next': address(request)})}"


def _here(request: Request) -> str:
    """Return the address to which the choice of a language comes back: of an answer to a form, the page of the form."""
    if request.method in SAFE_METHODS:
        return address(request)
    asked = {**request.scope, "method": "GET"}
    has_page = any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)
    return request.url.path if has_page else "/"


def _typed(request: Request, context: "RequestContext | Caller | None") -> list[tuple[str, str]]:
    """Return what was sent to an address that shows its form again, so that the choice of a language keeps it."""
    form: SentForm | None = getattr(request.state, "sent_form", None)
    own = context.organisation if context else None
    if form is None or own is None or form.organisation_id != own.id:
        return []
    return form.fields


def address(request: Request) -> str:
    """Return the requested address, without the host."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
