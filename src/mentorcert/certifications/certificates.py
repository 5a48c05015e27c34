"""The certificates of certifications, what stands on them, and the public check of a code."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from mentorcert.certifications.history import Status
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import MissingRightError
from mentorcert.translations import Language

State = Literal["valid", "expired", "suspended", "withdrawn"]

_QUERIES = rows.beside(__file__)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the certificate of a certification says; a type may give none, and have a sentence of its own."""

    organisation_id: UUID
    id: UUID
    organisation: str
    time_zone: str
    full_name: str
    name_nb: str
    name_en: str
    gives_certificate: bool
    certificate_nb: str | None
    certificate_en: str | None
    issued_at: datetime
    expires_at: datetime | None
    status: Status

    def type_name(self, language: Language) -> str:
        """Return the name of the type."""
        return self.name_en if language == "en" else self.name_nb

    def sentence(self, language: Language) -> str | None:
        """Return the sentence of the type, if it has one."""
        return self.certificate_en if language == "en" else self.certificate_nb


@dataclass(frozen=True, slots=True)
class Design:
    """What stands on every certificate of the caller's organisation; the logo is a PNG."""

    organisation_id: UUID
    signatory: str | None
    signatory_title: str | None
    logo: bytes | None
    version: int


@dataclass(frozen=True, slots=True)
class TypeText:
    """Whether a type gives certificates, and their sentence."""

    id: UUID
    organisation_id: UUID
    name_nb: str
    name_en: str
    gives_certificate: bool
    certificate_nb: str | None
    certificate_en: str | None
    version: int


@dataclass(frozen=True, slots=True)
class Text:
    """What may be written of it; without a sentence, in both languages, it says that the person holds the type."""

    gives_certificate: bool
    certificate_nb: str | None
    certificate_en: str | None


@dataclass(frozen=True, slots=True)
class Check:
    """What a certificate must say, and whether it is valid now."""

    state: State
    organisation: str
    time_zone: str
    name_nb: str
    name_en: str
    expires_at: datetime | None
    initials: str

    def type_name(self, language: Language) -> str:
        """Return the name of the type."""
        return self.name_en if language == "en" else self.name_nb


def of_certifications(conn: Connection, certification_ids: Sequence[UUID]) -> list[Certificate]:
    """Return the certificates by name; raises MissingRightError where the caller may not read one of them."""
    found = rows.fetch_all(
        conn, Certificate, _QUERIES.of_certifications, certification_ids=list(certification_ids)
    )
    if len(found) != len(set(certification_ids)):
        raise MissingRightError
    return found


def design(conn: Connection) -> Design | None:
    """Return the design of the organisation in which the caller acts; None before there is one."""
    return rows.fetch_optional(conn, Design, _QUERIES.design)


def set_design(
    conn: Connection, *, signatory: str, signatory_title: str, logo: bytes | None, has_logo: bool
) -> None:
    """Write the design; without a logo the one there was stays, unless there shall be none. Administrators only."""
    rows.send(
        conn,
        _QUERIES.set_design,
        signatory=signatory,
        signatory_title=signatory_title,
        logo=logo,
        has_logo=has_logo,
    )


def type_text(conn: Connection, type_id: UUID) -> TypeText:
    """Return what certificates of a type say; raises MissingRightError for one of another organisation."""
    return rows.fetch_one(conn, TypeText, _QUERIES.type_text, type_id=type_id)


def set_type_text(conn: Connection, type_: TypeText, text: Text) -> None:
    """Write what certificates of a type say, as read. Administrators only.

    Raises MissingRightError, and StaleVersionError where the type was changed since.
    """
    rows.send(conn, _QUERIES.set_type_text, type_id=type_.id, version=type_.version, **asdict(text))


def check(conn: Connection, code: UUID | None) -> Check | None:
    """Check a code: None for None, one that is unknown, and one of somebody erased."""
    return rows.fetch_optional(conn, Check, _QUERIES.check, code=code)


def clock(conn: Connection) -> datetime:
    """Return the instant at which the transaction began."""
    return rows.fetch_one(conn, datetime, _QUERIES.clock)
