"""The databases that a process serves: one, or several of a list or a folder."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict

from mentorcert import secret_files
from mentorcert.db.connection import Connection, connect, database_url
from mentorcert.errors import SecretUnreadableError, SettingError
from mentorcert.settings import Settings, own_settings

_LIST: Final = "MENTORCERT_DATABASE_URLS"
_FOLDER: Final = "MENTORCERT_DATABASES_DIR"
_URL: Final = "DATABASE_URL"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Two databases with one journal would each take the other's marks for writing that was lost; links lead to one of them.
_OWN: Final = ("journal", "public_url")


@dataclass(frozen=True, slots=True)
class Database:
    """A database, and the settings that hold for it; its name holds no secret, and is empty where there is no other."""

    name: str
    settings: Settings

    def connect(self) -> Connection:
        """Open a connection in autocommit; raises DatabaseUnreachableError."""
        return connect(database_url(self.settings), autocommit=True)


def configured(of: Settings) -> list[Database]:
    """Return the databases that are set; raises SettingError, which quotes no connection string."""
    listed = of.database_urls.get_secret_value() if of.database_urls else ""
    if not listed and of.databases_dir is None:
        return [Database("", of)]
    if sum(map(bool, (of.database_url, listed, of.databases_dir))) > 1:
        raise SettingError(f"More than one of {_URL}, {_LIST} and {_FOLDER} is set.", hint="Set one of them.")
    given = _of_list(listed) if listed else _of_folder(Path(of.databases_dir or ""))
    found = [Database(name, own_settings(values, name)) for name, values in given]
    if not found:
        raise SettingError(f"{_LIST if listed else _FOLDER} has no database.", hint="Name one, at least.")
    _check_differ(found)
    return found


def _of_list(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    for line in text.splitlines():
        url = line.strip()
        if not url or url.startswith("#"):
            continue
        name, _, rest = url.partition(" ")
        # A connection string begins with a scheme, or with a keyword and its value.
        if "=" in name or ":" in name:
            name = ""
        yield name, {_URL: rest.strip() if name else url}


def _of_folder(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        # Where secrets are mounted, names with a dot lead to their versions.
        places = sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    except OSError as error:
        raise SettingError(f"{_FOLDER}, {folder}, cannot be read: {type(error).__name__}.") from None
    known = {str(field.validation_alias) for field in Settings.model_fields.values()}
    for place in places:
        if not place.is_dir():
            yield place.name, {_URL: _read(place)}
            continue
        files = sorted(one for one in place.iterdir() if not one.name.startswith("."))
        if unknown := [one.name for one in files if one.name not in known]:
            raise SettingError(
                f"{place} has the file {unknown[0]}, and no setting has that name.",
                hint="docs/operations.md lists the settings.",
            )
        yield place.name, {one.name: _read(one) for one in files}


def _read(file: Path) -> str:
    try:
        return secret_files.read(file, f"{_FOLDER}, {file},")
    except SecretUnreadableError as error:
        raise SettingError(str(error), hint=error.hint) from None


def _check_differ(databases: list[Database]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for one in databases:
        if not _NAME.fullmatch(one.name):
            raise SettingError(
                "A database has no name, or one with other characters than letters, digits, `.`, `-` and `_`.",
                hint=f"{_LIST} has lines such as `north postgresql://…`; in {_FOLDER} the file is named after it.",
            )
        if one.settings.database_url is None:
            raise SettingError(f"{one.name} has no {_URL}.", hint="Give it one.")
        where = conninfo_to_dict(one.settings.database_url.get_secret_value())
        place = " ".join(str(where.get(part)) for part in ("host", "hostaddr", "port", "dbname", "service"))
        alike = [("name", one.name), ("database", place)]
        for name in _OWN:
            value = getattr(one.settings, name)
            if value is not None:
                alike.append((str(Settings.model_fields[name].validation_alias), str(_text(value))))
        for what in alike:
            if what in seen:
                raise SettingError(
                    f"{seen[what]} and {one.name} have the same {what[0]}.",
                    hint=f"Each has its own: a folder for each in {_FOLDER}, with a file for each setting.",
                )
            seen[what] = one.name


def _text(value: object) -> object:
    read = getattr(value, "get_secret_value", None)
    return read() if read else value
