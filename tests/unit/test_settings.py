"""Settings come from the environment, and a wrong one is named without its value."""

from pathlib import Path

import pytest

from mentorcert.errors import SettingError
from mentorcert.settings import settings


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "MENTORCERT_HOME", "MENTORCERT_LOG"):
        monkeypatch.delenv(name, raising=False)


def test_defaults() -> None:
    assert settings().database_url is None
    assert settings().home == Path(".mentorcert")
    assert settings().log_level == "WARNING"


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    assert settings().database_url is None


def test_the_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://admin:tiger@db.example/mentors")
    found = settings()
    assert found.database_url is not None
    assert found.database_url.get_secret_value() == "postgresql://admin:tiger@db.example/mentors"
    assert "tiger" not in repr(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "postgresql://admin:tiger@[::1/mentors"), ("MENTORCERT_LOG", "tiger")],
)
def test_a_wrong_value_is_named_but_not_quoted(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=name) as caught:
        settings()
    assert "tiger" not in str(caught.value)
    assert caught.value.exit_code == 2
