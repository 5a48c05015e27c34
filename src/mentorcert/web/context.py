"""One request: who asks, in one transaction with that person's rights, and what is answered."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

import aiosql
from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup
from psycopg.rows import class_row

from mentorcert.db.connection import Connection, acting_as
from mentorcert.errors import ForbiddenError
from mentorcert.translations import Language, translations
from mentorcert.web.rendering.languages import language_of
from mentorcert.web.rendering.templating import environment
from mentorcert.web.security.cookies import FORM_FIELD, Cookies
from mentorcert.web.security.session import cookies_of, identify, services_of
from mentorcert.web.security.tokens import Identity
from mentorcert.web.services import Services

Role = Literal["peer_mentor", "coordinator", "org_admin"]

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class User:
    """A signed-in person."""

    id: UUID
    email: str | None


@dataclass(frozen=True, slots=True)
class Organisation:
    """The organisation in which the visitor acts."""

    id: UUID
    slug: str
    name: str
    time_zone: str
    roles: list[Role]


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that cannot wait, in the reader's language, and the page that says more."""

    text: str
    path: str


class SignInNeededError(Exception):
    """The page is for people who are signed in."""


class OrganisationNeededError(Exception):
    """The page is for members; the person is in none, or must choose among several."""


@dataclass(slots=True)
class RequestContext:
    """A request in its transaction; `organisation` is None for who is signed out, or in none or several."""

    request: Request
    conn: Connection
    cookies: Cookies
    language: Language
    user: User | None
    organisation: Organisation | None
    seen: set[UUID] = field(default_factory=set)
    kept: list[str] = field(default_factory=list)

    @property
    def roles(self) -> frozenset[Role]:
        """What the visitor is in the organisation; `peer_mentor` also where only the own row says so."""
        return frozenset(self.organisation.roles if self.organisation else ())

    @property
    def services(self) -> Services:
        """What the process shares."""
        return services_of(self.request)

    def member(self) -> tuple[User, Organisation]:
        """Return the user and the organisation of a member's page."""
        if self.user is None:
            raise SignInNeededError
        if self.organisation is None:
            raise OrganisationNeededError
        return self.user, self.organisation

    def record_rows(self, organisation_ids: Iterable[UUID]) -> None:
        """Note of which organisations the rows are that the visitor gets."""
        self.seen.update(organisation_ids)

    def keep(self, endpoint: str) -> None:
        """Have it in the access log what was asked, even if the request fails and undoes all else."""
        self.kept.append(endpoint)

    def alarms(self) -> Sequence[Alarm]:
        """Return what an administrator must know, whatever page it is."""
        told: Callable[[RequestContext], Sequence[Alarm]] = self.request.app.state.alarms
        return told(self) if "org_admin" in self.roles else ()

    def _(self, text: str, **values: object) -> str:
        """Return a text in the visitor's language, with `%(name)s` filled in."""
        return translations(self.language).gettext(text) % values

    def ngettext(self, one: str, many: str, number: int, **values: object) -> str:
        """Return the singular or the plural, with `%(num)s` and others filled in."""
        return translations(self.language).ngettext(one, many, number) % {"num": number, **values}

    def raise_statement_timeout(self) -> None:
        """Let the statements of a change of thousands of rows take longer than a page may."""
        _QUERIES.raise_statement_timeout(self.conn)

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """Render a template."""
        return render(self.request, template, status=status, context=self, **values)

    def redirect(self, path: str, *, notice: str | None = None) -> Response:
        """Send the browser on, with a message for the next page."""
        if notice is not None:
            self.cookies.sign("message", notice)
        return RedirectResponse(path, 303)


def render(
    request: Request,
    template: str,
    *,
    status: int = 200,
    context: RequestContext | None = None,
    is_shared: bool = False,
    **values: Any,
) -> Response:
    """Render a template, also where there is no visit any more, as after an error.

    A shared page is the same for everybody who reads that language: it has nothing of cookies and sets none.
    """
    cookies = cookies_of(request)
    language = language_of(request, cookies)
    if is_shared:
        personal: dict[str, Any] = {"context": None, "cookies": None, "message": None}
    else:
        message = cookies.signed("message")
        if message is not None:
            del cookies["message"]
        token = Markup('<input type="hidden" name="{}" value="{}">').format(FORM_FIELD, cookies.form_token())
        personal = {"context": context, "cookies": cookies, "message": message, "csrf": token}
    html = (
        environment(language)
        .get_template(template)
        .render(
            **personal,
            language=language,
            path=request.url.path,
            in_other_language=request.url.include_query_params(
                language="nb" if language == "en" else "en"
            ).query,
            here=_address(request) if request.method in _SAFE_METHODS else "/",
            configuration=services_of(request).configuration,
            **values,
        )
    )
    return HTMLResponse(html, status, {"Content-Language": language, "Vary": "Accept-Language, Cookie"})


@contextmanager
def request_context(
    request: Request, identity: Identity | None, *, chosen: UUID | None = None
) -> Iterator[RequestContext]:
    """Open the transaction of a request; what is read is logged in it, what fails undoes all of it.

    `chosen` is the organisation in which to act where the token names none.
    """
    cookies = cookies_of(request)
    language = language_of(request, cookies)
    with services_of(request).pool.connection() as conn:
        if identity is None:
            with acting_as(conn, None, role="anon"):
                yield RequestContext(request, conn, cookies, language, None, None)
            return
        named = identity.organisation_id or chosen
        kept: list[str] = []
        try:
            with acting_as(conn, identity.user_id, organisation_id=named):
                if request.method in _SAFE_METHODS:
                    # Reading writes only the access log, for which nobody waits until it is on the disk.
                    _QUERIES.commit_lazily(conn)
                with conn.cursor(row_factory=class_row(Organisation)) as cursor:
                    organisation = cursor.execute(_QUERIES.own_organisation.sql).fetchone()
                user = User(identity.user_id, identity.email)
                context = RequestContext(request, conn, cookies, language, user, organisation, kept=kept)
                yield context
                _log(context, request.scope["route"].path_format)
        except Exception:
            if kept:
                with acting_as(conn, identity.user_id, organisation_id=named):
                    for endpoint in kept:
                        _log(context, endpoint)
            raise


def _log(context: RequestContext, endpoint: str) -> None:
    _QUERIES.log_access(
        context.conn,
        endpoint=endpoint,
        organisation_ids=list(context.seen),
        request_id=context.request.state.request_id,
    )


def _chosen_organisation(cookies: Cookies) -> UUID | None:
    """Return which organisation the person chose; the database asks whether it is one of theirs."""
    try:
        return UUID(cookies["organisation"] or "")
    except ValueError:
        return None


async def _acquire_connection(request: Request) -> AsyncIterator[None]:
    """Wait until a connection is free; threads that wait would be missing to those that have one."""
    async with services_of(request).limiter.acquire():
        yield


# Whoever opens a visit takes a turn first, and last of all what may wait for others.
ConnectionSlot = Annotated[None, Depends(_acquire_connection, scope="function")]


def _optional_user(
    request: Request, identity: Annotated[Identity | None, Depends(identify)], _turn: ConnectionSlot
) -> Iterator[RequestContext]:
    with request_context(request, identity, chosen=_chosen_organisation(cookies_of(request))) as context:
        yield context


# The transaction ends before the answer goes out: who reads of a success can rely on it.
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
    """Return where to sign in, and from there back to what was asked for."""
    if request.method not in _SAFE_METHODS:
        return "/sign-in"
    return f"/sign-in?{urlencode({'next': _address(request)})}"


def _address(request: Request) -> str:
    """Return what was asked for, without the host."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
