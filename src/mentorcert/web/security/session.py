"""The user of a browser's session."""

from fastapi import Request

from mentorcert.errors import ExpiredTokenError, InvalidTokenError, SignInRefusedError
from mentorcert.web.security.cookies import Cookies
from mentorcert.web.security.tokens import User
from mentorcert.web.services import Services


def services_of(request: Request) -> Services:
    """Return the services that all requests share."""
    services: Services = request.app.state.services
    return services


def cookies_of(request: Request) -> Cookies:
    """Return the cookies of a request; changes are sent with the answer."""
    cookies: Cookies | None = getattr(request.state, "cookies", None)
    if cookies is None:
        cookies = request.state.cookies = Cookies(request, services_of(request).configuration)
    return cookies


def identify(request: Request) -> User | None:
    """Return the user of the session, which is renewed at Supabase Auth when it has expired."""
    services, cookies = services_of(request), cookies_of(request)
    token, refresh_token = cookies["access"], cookies["refresh"]
    if not token:
        return None
    try:
        return services.verifier.verify(token)
    except ExpiredTokenError:
        if not refresh_token or services.gotrue is None:
            forget(cookies)
            return None
    except InvalidTokenError:
        forget(cookies)
        return None
    try:
        tokens = services.gotrue.refresh(refresh_token)
        # Set before anything else can fail: the former tokens are no longer valid.
        cookies["access"], cookies["refresh"] = tokens.access_token, tokens.refresh_token
        return services.verifier.verify(tokens.access_token)
    except (SignInRefusedError, InvalidTokenError):
        forget(cookies)
        return None


def forget(cookies: Cookies) -> None:
    """Take the session out of the browser."""
    del cookies["access"]
    del cookies["refresh"]
