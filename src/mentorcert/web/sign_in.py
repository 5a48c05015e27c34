"""Signing in and out, the language, and in which organisation to act."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import aiosql
from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from psycopg.rows import class_row
from pydantic import BaseModel, Field

from mentorcert.errors import (
    InvalidTokenError,
    SignInRefusedError,
    SignInUnavailableError,
    TooManyAttemptsError,
)
from mentorcert.translations import Language
from mentorcert.web.context import CurrentUser, Organisation, render
from mentorcert.web.security.gotrue import Challenge, GoTrue, Tokens
from mentorcert.web.security.rate_limiter import SIGN_INS, address_of
from mentorcert.web.security.session import cookies_of, identify, services_of

router = APIRouter()

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")
_HOME: Final = "/"

Email = Annotated[str, Field(min_length=3, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")]


class _Password(BaseModel):
    email: Email
    password: Annotated[str, Field(min_length=1, max_length=1000)]
    next: str = _HOME


class _Address(BaseModel):
    email: Email
    next: str = _HOME


class _Code(BaseModel):
    email: Email
    code: Annotated[str, Field(pattern=r"^\s*[0-9]{6,10}\s*$")]
    next: str = _HOME


def local_path(path: str) -> str:
    """Return a path of these pages, and the home page for whatever leads elsewhere."""
    try:
        parts = urlsplit(path)
    except ValueError:
        return _HOME
    is_local = not parts.scheme and not parts.netloc and path.startswith("/") and path[1:2] not in {"/", "\\"}
    return path if is_local and "\\" not in path and path.isprintable() else _HOME


@router.get("/sign-in")
def show(request: Request, next_: Annotated[str, Query(alias="next", max_length=2000)] = _HOME) -> Response:
    """Show the forms."""
    if services_of(request).configuration.is_demonstration:
        return RedirectResponse("/step-in", 303)
    return _form(request, next_)


@router.post("/sign-in")
def by_password(request: Request, form: Annotated[_Password, Form()]) -> Response:
    """Sign in by password."""
    gotrue = _gotrue(request)
    _count(request, form.email)
    try:
        tokens = gotrue.sign_in(form.email, form.password)
    except SignInRefusedError:
        return _form(request, form.next, email=form.email, is_refused=True)
    return enter(request, tokens, form.next)


@router.post("/sign-in/code")
def send_code(request: Request, form: Annotated[_Address, Form()]) -> Response:
    """Mail a link and a code."""
    gotrue = _gotrue(request)
    _count(request, form.email)
    challenge = Challenge.new()
    public_url = services_of(request).configuration.public_url
    back = f"{public_url}/sign-in/link?{urlencode({'next': local_path(form.next)})}"
    gotrue.send_code(form.email, challenge, back)
    cookies_of(request).sign("challenge", challenge.verifier)
    return _code_form(request, form)


@router.post("/sign-in/code/enter")
def enter_code(request: Request, form: Annotated[_Code, Form()]) -> Response:
    """Sign in by the code of the mail."""
    gotrue = _gotrue(request)
    _count(request, form.email)
    try:
        tokens = gotrue.enter_code(form.email, form.code.strip())
    except SignInRefusedError:
        return _code_form(request, form, is_refused=True)
    return enter(request, tokens, form.next)


@router.get("/sign-in/link")
def follow_link(
    request: Request,
    code: Annotated[str, Query(max_length=1000)] = "",
    next_: Annotated[str, Query(alias="next", max_length=2000)] = _HOME,
) -> Response:
    """Sign in by the link of the mail, in the browser that asked for it."""
    verifier = cookies_of(request).signed("challenge")
    _count(request)
    if not verifier or not code:
        return _form(request, next_, is_old_link=True)
    try:
        tokens = _gotrue(request).follow_link(code, Challenge(verifier))
    except SignInRefusedError:
        return _form(request, next_, is_old_link=True)
    return enter(request, tokens, next_)


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """End the session here and at Supabase."""
    services, cookies = services_of(request), cookies_of(request)
    # Supabase ends no session for a token whose time is up.
    with suppress(SignInUnavailableError, TooManyAttemptsError):
        identify(request)
    if services.gotrue is not None and (token := cookies["access"]):
        services.gotrue.sign_out(token)
    for name in ("access", "refresh", "organisation", "challenge"):
        del cookies[name]
    cookies.renew_form()
    return RedirectResponse("/sign-in", 303)


@router.post("/language")
def choose_language(
    request: Request,
    language: Annotated[Language, Form()],
    back: Annotated[str, Form(max_length=2000)] = _HOME,
) -> Response:
    """Keep the reader's language."""
    cookies_of(request)["language"] = language
    return RedirectResponse(local_path(back), 303)


@router.get("/organisation")
def organisations(context: CurrentUser) -> Response:
    """Show the organisations of a person who is in several, or say that there is none."""
    with context.conn.cursor(row_factory=class_row(Organisation)) as cursor:
        own = cursor.execute(_QUERIES.own_organisations.sql).fetchall()
    return context.page("organisation.html", own=own, status=200 if own else 403)


@router.post("/organisation")
def choose_organisation(context: CurrentUser, organisation_id: Annotated[UUID, Form()]) -> Response:
    """Act in one of the own organisations; any other one the database would not accept."""
    context.cookies["organisation"] = str(organisation_id)
    return context.redirect(_HOME)


def enter(request: Request, tokens: Tokens, target: str) -> Response:
    """Begin a session: nothing that the browser had before is worth anything in it."""
    services, cookies = services_of(request), cookies_of(request)
    try:
        services.verifier.verify(tokens.access_token)
    except InvalidTokenError:
        raise SignInUnavailableError(hint="Try again in a minute.") from None
    cookies["access"], cookies["refresh"] = tokens.access_token, tokens.refresh_token
    del cookies["organisation"]
    del cookies["challenge"]
    cookies.renew_form()
    return RedirectResponse(local_path(target), 303)


def _gotrue(request: Request) -> GoTrue:
    gotrue = services_of(request).gotrue
    if gotrue is None:
        raise SignInUnavailableError
    return gotrue


def _count(request: Request, *whose: str) -> None:
    attempts = services_of(request).attempts
    attempts.count(SIGN_INS, "address", address_of(request))
    for one in whose:
        attempts.count(SIGN_INS, "login", one.lower())


def _form(
    request: Request, target: str, *, email: str = "", is_refused: bool = False, is_old_link: bool = False
) -> Response:
    return render(
        request,
        "sign_in.html",
        status=422 if is_refused or is_old_link else 200,
        next=local_path(target),
        email=email,
        is_refused=is_refused,
        is_old_link=is_old_link,
    )


def _code_form(request: Request, form: _Address | _Code, *, is_refused: bool = False) -> Response:
    return render(
        request,
        "sign_in_code.html",
        status=422 if is_refused else 200,
        next=local_path(form.next),
        email=form.email,
        is_refused=is_refused,
    )
