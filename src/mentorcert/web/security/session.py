"""Who a browser's session says is asking."""

from fastapi import Request

from mentorcert.errors import ExpiredTokenError, InvalidTokenError, SignInRefusedError
from mentorcert.web.security.cookies import Cookies
from mentorcert.web.security.tokens import Identity
from mentorcert.web.services import Services


def services_of(request: Request) -> Services:
    """Return what the process shares."""
    services: Services = request.app.state.services
    return services


def cookies_of(request: Request) -> Cookies:
    """Return the cookies of a request; what is set on them goes out with the answer."""
    cookies: Cookies | None = getattr(request.state, "cookies", None)
    if cookies is None:
        cookies = request.state.cookies = Cookies(request, services_of(request).configuration)
    return cookies


def identify(request: Request) -> Identity | None:
    """Return who the session says is asking, renewed at Supabase Auth where its time is up."""
    services, cookies = services_of(request), cookies_of(request)
    token, refresh_token = cookies["access"], cookies["refresh"]
    if not token:
        return None
    try:
        return services.verifier.verify(token)
    except ExpiredTokenError:
        if not refresh_token or services.gotrue is None:
            _sign_out(cookies)
            return None
    except InvalidTokenError:
        _sign_out(cookies)
        return None
    try:
        tokens = services.gotrue.refresh(refresh_token)
        # Kept before anything else can fail: those of before are worth nothing any more.
        cookies["access"], cookies["refresh"] = tokens.access_token, tokens.refresh_token
        return services.verifier.verify(tokens.access_token)
    except (SignInRefusedError, InvalidTokenError):
        _sign_out(cookies)
        return None


def _sign_out(cookies: Cookies) -> None:
    del cookies["access"]
    del cookies["refresh"]
