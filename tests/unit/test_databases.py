"""Several databases are a list or a folder; what they must not share is refused, and no secret is quoted."""

from pathlib import Path

import pytest

from mentorcert.db.connection import database_url
from mentorcert.db.databases import configured
from mentorcert.errors import SettingError
from mentorcert.settings import settings

NORTH = "postgresql://jobs:tiger@north.example/mentors"
SOUTH = "host=south.example dbname=mentors user=jobs password=tiger"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "MENTORCERT_DATABASE_URLS", "MENTORCERT_DATABASES_DIR"):
        monkeypatch.delenv(name, raising=False)


def found() -> dict[str, str]:
    return {one.name: database_url(one.settings) for one in configured(settings())}


def refused() -> str:
    with pytest.raises(SettingError) as caught:
        configured(settings())
    assert "tiger" not in f"{caught.value}{caught.value.hint}"
    return str(caught.value)


def test_without_a_list_there_is_one_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", NORTH)
    assert found() == {"": NORTH}


def test_a_list_has_a_line_for_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = f"# of the federations\n\nnorth {NORTH}\nsouth   {SOUTH}\n"
    monkeypatch.setenv("MENTORCERT_DATABASE_URLS", text)
    assert found() == {"north": NORTH, "south": SOUTH}
    monkeypatch.delenv("MENTORCERT_DATABASE_URLS")
    (file := tmp_path / "urls").write_text(text)
    file.chmod(0o400)
    monkeypatch.setenv("MENTORCERT_DATABASE_URLS_FILE", str(file))
    assert found() == {"north": NORTH, "south": SOUTH}


def test_a_folder_has_a_file_or_a_folder_of_settings_for_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "north").write_text(f"{NORTH}\n")
    (tmp_path / "..data").write_text("a version, as Kubernetes mounts them")
    own = tmp_path / "south"
    own.mkdir()
    (own / "DATABASE_URL").write_text(SOUTH)
    (own / "MENTORCERT_PUBLIC_URL").write_text("https://south.example")
    monkeypatch.setenv("MENTORCERT_DATABASES_DIR", str(tmp_path))
    monkeypatch.setenv("MENTORCERT_PUBLIC_URL", "https://register.example")
    north, south = configured(settings())
    assert (north.name, north.settings.public_url) == ("north", "https://register.example")
    assert (south.name, south.settings.public_url) == ("south", "https://south.example")
    assert found() == {"north": NORTH, "south": SOUTH}
    (own / "MENTORCERT_PUBLIC_URL").write_text("south.example")
    assert "What is set for south is not valid" in refused()
    (own / "MENTORCERT_PUBLIC_URL").unlink()
    assert refused() == "north and south have the same MENTORCERT_PUBLIC_URL."
    (own / "PUBLIC_URL").write_text("https://south.example")
    assert "and no setting has that name" in refused()
    monkeypatch.setenv("MENTORCERT_DATABASES_DIR", str(tmp_path / "nowhere"))
    assert "cannot be read: FileNotFoundError" in refused()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("# none\n", "has no database", id="none"),
        pytest.param(NORTH, "A database has no name", id="no name"),
        pytest.param(f"nørd {NORTH}", "A database has no name", id="another letter"),
        pytest.param(f"a {NORTH}\na {SOUTH}", "a and a have the same name.", id="a name twice"),
        pytest.param(f"a {NORTH}\nb {NORTH}", "a and b have the same database.", id="a database twice"),
        pytest.param("a postgresql://x:tiger@[::1/y", "What is set for a is not valid", id="no string"),
        pytest.param("alone", "What is set for alone is not valid: DATABASE_URL", id="no database"),
    ],
)
def test_what_cannot_be_meant_is_refused(monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.setenv("MENTORCERT_DATABASE_URLS", text)
    assert message in refused()


def test_what_two_must_not_share_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTORCERT_DATABASE_URLS", f"a {NORTH}\nb {SOUTH}")
    monkeypatch.setenv("MENTORCERT_JOURNAL", "/srv/journal")
    assert refused() == "a and b have the same MENTORCERT_JOURNAL."


def test_one_and_several_are_not_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTORCERT_DATABASE_URLS", f"north {NORTH}")
    with pytest.raises(SettingError, match="works on one database"):
        database_url(settings())
    monkeypatch.setenv("DATABASE_URL", NORTH)
    assert "More than one of DATABASE_URL" in refused()
