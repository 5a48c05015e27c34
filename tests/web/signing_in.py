"""What the tests of signing in have in common: a login, and how it signs in."""

from typing import Final

from fastapi.testclient import TestClient
from httpx2 import Response

from tests.web.conftest import post

EMAIL: Final = "kari@example.org"


def sign_in(client: TestClient, then: str = "/organisation", *, knows: bool = True) -> Response:
    return post(client, "/sign-in", {"email": EMAIL, "password": "right" if knows else "wrong", "next": then})


def is_signed_in(client: TestClient) -> bool:
    return client.get("/organisation").headers.get("location") is None
