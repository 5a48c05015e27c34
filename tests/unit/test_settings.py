"""Settings come from the environment, and a wrong one is named without its value."""

from pathlib import Path

import pytest

from mentorcert.errors import SettingError
from mentorcert.settings import Settings, file_variable, files_open_to_all, settings
from tests.support import command


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


URL = "postgresql://admin:tiger@db.example/mentors"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file as secrets are handed over: a line, for its owner alone."""
    file = tmp_path / "secret"
    file.write_text(f"{URL}\n")
    file.chmod(0o600)
    return file


def refused(match: str) -> str:
    with pytest.raises(SettingError, match=match) as caught:
        settings()
    assert "tiger" not in f"{caught.value}{caught.value.hint}"
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_every_setting_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = {
        "MENTORCERT_LOG": "INFO", "MENTORCERT_SMTP_PORT": "26", "MENTORCERT_SMTP_TLS": "none", "DATABASE_URL": URL,
        "MENTORCERT_OIDC_ISSUER": "https://id.example", "MENTORCERT_PUBLIC_URL": "https://register.example",
        "MENTORCERT_WEB_SECRET": "s" * 32, "MENTORCERT_OIDC_SCOPES": "openid", "MENTORCERT_ALERTS_LANGUAGE": "en",
        "MENTORCERT_ALERTS_ALL_WELL": "true", "MENTORCERT_SMTP_FROM": "a@example.org",
        "MENTORCERT_READ_URL": URL, "MENTORCERT_READ_LAG_S": "7", "MENTORCERT_TRACES_RATIO": "0.5",
        "MENTORCERT_TRACES_URL": "http://127.0.0.1:4318/v1/traces",
        "MENTORCERT_ALERTS_TO": "a@example.org", "MENTORCERT_ALERTS_ESCALATE_TO": "a@example.org",
    }  # fmt: skip
    given: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias)
        if (naming := file_variable(variable)) is None:
            continue
        monkeypatch.delenv(variable, raising=False)
        (tmp_path / name).write_text(given.setdefault(name, values.get(variable, "text")) + "\n")
        monkeypatch.setenv(naming, str(tmp_path / name))
    found = settings().model_dump(include=set(given))
    as_text = {
        name: getattr(value, "get_secret_value", lambda value=value: value)() for name, value in found.items()
    }
    assert {name: str(value) for name, value in as_text.items()} == given | {"alerts_all_well": "True"}


def test_a_setting_is_given_once(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    monkeypatch.setenv("DATABASE_URL", URL)
    refused("DATABASE_URL and DATABASE_URL_FILE are both set")


def test_a_file_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    assert settings().database_url is not None
    file.chmod(0o602)
    refused(f"DATABASE_URL_FILE, {file}, can be written by every user")
    file.chmod(0o600)
    for content in (b"", b" \n"):
        file.write_bytes(content)
        refused(f"DATABASE_URL_FILE, {file}, is empty")
    file.write_bytes(b"tiger \xff")
    refused(f"DATABASE_URL_FILE, {file}, cannot be read: UnicodeDecodeError")
    file.write_text("tiger" * 20_000)
    refused(f"DATABASE_URL_FILE, {file}, is longer than 65536 characters")
    file.write_text("postgresql://admin:tiger@[::1/mentors")
    refused(f"DATABASE_URL_FILE, {file}: Value error, not a PostgreSQL connection string")
    file.unlink()
    refused(f"DATABASE_URL_FILE, {file}, cannot be read: FileNotFoundError")
    monkeypatch.setenv("DATABASE_URL_FILE", str(file.parent))
    refused(f"DATABASE_URL_FILE, {file.parent}, cannot be read: IsADirectoryError")


def test_a_file_that_all_may_read_is_warned_of(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    monkeypatch.setenv("MENTORCERT_SERVICE_KEY_FILE", str(file))
    assert files_open_to_all() == []
    file.chmod(0o604)
    assert files_open_to_all() == [
        ("DATABASE_URL_FILE", str(file)),
        ("MENTORCERT_SERVICE_KEY_FILE", str(file)),
    ]


def test_the_command_says_so_and_shows_no_secret(file: Path) -> None:
    """Not in the process list either: no child of the command gets it as an argument."""
    file.chmod(0o644)
    file.write_text("postgresql://admin:tiger@127.0.0.1:9/mentors")
    done = command.run("doctor", database_url="", DATABASE_URL_FILE=str(file))
    assert done.returncode == 1
    assert '"event": "secret_file_open"' in done.stderr
    assert str(file) in done.stderr
    assert "The database cannot be reached" in f"{done.stdout}{done.stderr}"
    assert "tiger" not in f"{done.stdout}{done.stderr}"
