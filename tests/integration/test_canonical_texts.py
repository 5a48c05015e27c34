"""One canonical form of what people write, kept by the database, compared with Unicode's own classes."""

import re
import unicodedata
from typing import Any

import idna
import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mentorcert.db.connection import Connection
from mentorcert.imports import importing
from tests.support.registry import fetch, set_up

# All that Unicode has assigned; of the private planes, their ends.
_PRIVATE = "\ue000\uf8ff\U000f0000\U000ffffd\U00100000\U0010fffd"
_EVERY_CHARACTER = [
    character
    for character in map(chr, range(1, 0x110000))
    if unicodedata.category(character) not in {"Cn", "Co", "Cs"}
] + list(_PRIVATE)
_WHITE_SPACE = set("\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {
    chr(code) for code in range(0x2000, 0x200B)
}
# Default_Ignorable_Code_Point, of which unicodedata knows nothing, as DerivedCoreProperties.txt has it.
_IGNORABLE = {
    chr(code)
    for first, last in [
        (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
        (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
        (0xE0000, 0xE0FFF),
    ]
    for code in range(first, last + 1)
}  # fmt: skip
_SCRIPTS = st.sampled_from(
    "ABCaåøÅö0193 .-_@+\tأابिकक्ष漢字éẞﬁ①ｶ\u0301\u0323\u034f\u200b\u200c\u200d\u2028\ufe0f\U000e0100\u180b"
)
_TEXTS = st.text(
    st.one_of(_SCRIPTS, st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), max_size=30
)


def _each(conn: Connection, expression: str, characters: list[str]) -> list[object]:
    found = conn.execute(
        f"select array(select {expression} from unnest(%s::text[]) with ordinality as c (letter, n)"
        " order by n)",
        (characters,),
    ).fetchone()
    assert found
    return list(found[0])


def test_what_nobody_sees_goes_and_white_space_is_a_space(conn: Connection) -> None:
    canonical = _each(conn, "mentorcert_private.canonical_line('a' || letter || 'b')", _EVERY_CHARACTER)
    wrong = []
    for character, written in zip(_EVERY_CHARACTER, canonical, strict=True):
        if character in _WHITE_SPACE:
            expected = "a b"
        elif unicodedata.category(character) == "Cf" or character in _IGNORABLE or character == "\u2800":
            expected = "ab"
        else:
            expected = unicodedata.normalize("NFC", f"a{character}b")
        if written != expected and unicodedata.category(character) != "Cn":
            wrong.append((hex(ord(character)), written))
    assert wrong == []


def test_what_cannot_be_read_is_refused(conn: Connection) -> None:
    readable = _each(
        conn,
        "mentorcert_private.is_readable_line(mentorcert_private.canonical_line('a' || letter || 'b'))",
        _EVERY_CHARACTER,
    )
    wrong = [
        hex(ord(character))
        for character, is_readable in zip(_EVERY_CHARACTER, readable, strict=True)
        if unicodedata.category(character) != "Cn"
        and is_readable
        == (
            character in "\ufffc\ufffd"
            or unicodedata.category(character) == "Co"
            or (unicodedata.category(character) == "Cc" and character not in _WHITE_SPACE)
        )
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Kari\u200dNordmann", "KariNordmann"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("می\u200c\u200d\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("क्\u200d 1", "क् 1"),
        ("葛\U000e0100城", "葛\U000e0100城"),
        ("a\U000e0100", "a"),
        ("Bjo\u0308rn", "Björn"),
        ("Åse", "Åse"),
        ("\u2126", "\u03a9"),
        ("  a \u00a0\t b\r\nc ", "a b c"),
    ],
)
def test_names_keep_what_their_script_needs(conn: Connection, written: str, kept: str) -> None:
    assert fetch(conn, "select mentorcert_private.canonical_line(%s)", written) == kept


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(_TEXTS, min_size=20, max_size=40))
@example(texts=["\u200c\u200d\u200c", "ا\u200c\u200bب", "\u0627\u200c\u0653\u200cب", "漢\ufe00\u0301\ufe00"])
def test_the_canonical_form_is_its_own(conn: Connection, texts: list[str]) -> None:
    for form in ("canonical_line", "canonical_text"):
        once = _each(conn, f"mentorcert_private.{form}(letter)", texts)
        assert _each(conn, f"mentorcert_private.{form}(letter)", [str(text) for text in once]) == once
        assert all(unicodedata.is_normalized("NFC", str(text)) for text in once)


def test_numbers_are_folded_alike_on_every_server(conn: Connection) -> None:
    letters = [character for character in map(chr, range(0x21, 0x180)) if character.isprintable()]
    folded = _each(conn, "mentorcert_private.folded(letter)", letters)
    assert [
        (letter, small)
        for letter, small in zip(letters, folded, strict=True)
        if small != ("i" if letter == "İ" else letter.lower())
    ] == []


_LABELS = st.text("abcxnzåøæñłščđŋŧžαβώбяї019-", min_size=1, max_size=14)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(domains=st.lists(st.lists(_LABELS, min_size=2, max_size=3).map(".".join), min_size=30, max_size=60))
def test_every_domain_that_is_taken_can_be_written_to(conn: Connection, domains: list[str]) -> None:
    taken = _each(conn, "mentorcert_private.is_email('kari@' || letter)", domains)
    for domain, is_taken in zip(domains, taken, strict=True):
        if is_taken and not domain.isascii():
            idna.encode(domain)
        if not is_taken and re.fullmatch(r"[a-zåøæ0-9]+(\.[a-zåøæ]+)+", domain):
            raise AssertionError(domain)


def test_every_letter_of_a_domain_is_one_of_idna(conn: Connection) -> None:
    letters = [chr(code) for code in range(0x80, 0x3000)]
    taken = _each(conn, "mentorcert_private.is_email('kari@' || letter || 'a.no')", letters)
    wrong = []
    for letter, is_taken in zip(letters, taken, strict=True):
        if is_taken:
            try:
                idna.encode(f"{letter}a.no")
            except idna.IDNAError:
                wrong.append(letter)
    assert wrong == []


@pytest.mark.parametrize(
    "email",
    [
        "kari@example.org", "k@blåbær.no", "o'brien+x@sub.example.co.uk", "a@xn--blbr-roah.no", "k@1and1.de",
        "a_b.c@example.org", "a--b@a-b.no", f"{'a' * 64}@example.org", f"a@{'a' * 63}.no",
    ],
)  # fmt: skip
def test_an_address_is_taken(conn: Connection, email: str) -> None:
    assert fetch(conn, "select mentorcert_private.is_email(%s)", email)


@pytest.mark.parametrize(
    "email",
    [
        "ikke en adresse", "mailto:kari@example.org", "kari@example.org.", "kari@example", "@example.org",
        "kari@@example.org", "ka ri@example.org", "kari@-a.no", "kari@a-.no", "kari@a..no", ".kari@a.no",
        "kari.@a.no", "kari@",
        "jørgen@example.org", "kari@example.123", f"{'a' * 65}@example.org", f"a@{'a' * 64}.no", "a@b_c.no", "a@b.c-", "a@b.-c",
        f"a@{'a.' * 130}no", "<kari@example.org>", "kari@a.no,ola@a.no", "kari@ab--c.no", "kari@æ\u0327.no",
        "Kari <kari@a.no>", "kari@[127.0.0.1]", 'ka"ri"@a.no', "kari@а\u200d.no",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(conn: Connection, email: str) -> None:
    assert not fetch(conn, "select mentorcert_private.is_email(%s)", email)


@pytest.mark.parametrize(
    "phone", ["22 22 22 22", "+47 900 00 000", "(+47) 900.00-000", "22 33 / 44", "22334455 int. 12", "113"]
)
def test_a_telephone_number_is_taken(conn: Connection, phone: str) -> None:
    assert fetch(conn, "select mentorcert_private.is_phone(%s)", phone)


@pytest.mark.parametrize("phone", ["ring meg", "1", "+", "22 22 22 22 Kari", "=1+1234", "-1234", "٢٢٢٢٢٢"])
def test_what_is_no_telephone_number_is_refused(conn: Connection, phone: str) -> None:
    assert not fetch(conn, "select mentorcert_private.is_phone(%s)", phone)


@pytest.mark.parametrize(
    "other", ["w1", "W1 ", "\u200bW1", "W\u00ad1", "\ufeffW1", "W1\u00a0", "W\u20601", "\u202eW1"]
)
def test_a_number_that_looks_the_same_is_the_same(conn: Connection, other: str) -> None:
    organisation = set_up(conn)
    organisation.mentor("W1")
    with pytest.raises(psycopg.errors.UniqueViolation):
        organisation.mentor(other)


@pytest.mark.parametrize(
    ("number", "constraint"),
    [
        ("\u0410-1", "peer_mentors_external_id_valid"),
        ("１２３", "peer_mentors_external_id_valid"),
        ("1\u00071", "peer_mentors_external_id_valid"),
        ("\u200b \ufeff", "peer_mentors_external_id_valid"),
        ("1" * 101, "peer_mentors_external_id_length"),
    ],
)
def test_a_number_of_other_signs_is_refused(conn: Connection, number: str, constraint: str) -> None:
    organisation = set_up(conn)
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        organisation.mentor(number)
    assert refused.value.diag.constraint_name == constraint


def test_an_import_writes_only_what_is_not_canonical_yet(conn: Connection) -> None:
    plain = [
        "N-1",
        "Kari Nord",
        "Åse Ørn",
        "kari@example.org",
        "A@B.NO",
        "a@Ærlig.no",
        "a b@c.no",
        "+47 12 34",
    ]
    others = ["", " ", " a", "a ", "a  b", "a\nb", "a\tb", "e\u0301", "a\xadb", "a\u200bb", "ａ", "ﬁ", "漢字"]
    columns = ["external_id", "full_name", "email", "phone", "certification_type", "chapters"]
    asked = dict(enumerate((column, text) for column in columns for text in [*plain, *others]))
    places = "select line, ctid::text from pg_temp.import_rows"
    with conn.transaction():
        conn.execute("select mentorcert_private.create_import_staging()")
        for line, (column, text) in asked.items():
            value = "array[%s]" if column == "chapters" else "%s"
            conn.execute(
                f"insert into pg_temp.import_rows (line, row_is_bad, person_is_bad, {column})"
                f" values (%s, false, false, {value})".encode(),
                (line, text),
            )
        before = dict[Any, Any](conn.execute(places).fetchall())
        importing._queries.canonicalise_rows(conn)
        after = dict[Any, Any](conn.execute(places).fetchall())
        kept = {asked[line] for line in asked if after[line] == before[line]}
        found = dict[Any, Any](
            conn.execute("select line, to_jsonb(staged) from pg_temp.import_rows as staged").fetchall()
        )
        for line, (column, text) in asked.items():
            function = "canonical_email" if column == "email" else "canonical_line"
            canonical = fetch(conn, f"select mentorcert_private.{function}(%s)", text)
            assert found[line][column] == ([canonical] if column == "chapters" else canonical or None), (
                column,
                text,
            )
    assert kept == {
        (column, text)
        for column, text in asked.values()
        if text in (plain if column != "email" else plain[3:4])
    }
