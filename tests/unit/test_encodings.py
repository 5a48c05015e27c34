"""Which encodings are read, which are refused, and what is said of them."""

import pytest

from mentorcert.imports.encodings import UnreadableFileError, decode

NAMES = "Ekstern ID;Navn\r\n1;Bjørn Ødegård\r\n2;Åse Sæther\r\n3;Ærlig Ås\r\n4;KÅRE BØ\r\n"


def failure(data: bytes) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        decode("mentors.csv", data)
    assert caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_what_is_read(encoding: str) -> None:
    assert decode("mentors.csv", NAMES.encode(encoding))[1] == NAMES


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf16_with_either_mark(mark: bytes) -> None:
    encoding = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    assert decode("mentors.csv", mark + NAMES.encode(encoding))[1] == NAMES


@pytest.mark.parametrize(
    "text", ["Bjørn", "José", "Kari O’Brien", "D’Angelo", "ÅSE", "“Kari” – Ås", "Ærlig", "l’Hôpital", "Zoë"]
)
def test_a_few_letters_of_windows(text: str) -> None:
    assert decode("mentors.csv", text.encode("cp1252")) == ("cp1252", text)


def test_latin_9_by_its_own_letters() -> None:
    assert decode("mentors.csv", "Ås;Božena;Miška".encode("iso8859-15"))[1] == "Ås;Božena;Miška"


@pytest.mark.parametrize(
    ("encoding", "name"), [("mac_roman", "Mac Roman"), ("cp850", "CP850"), ("cp865", "CP")]
)
@pytest.mark.parametrize("text", [NAMES, "Bjørn", "Åse", "ÅSE BØ", "Sæther", "Ærlig", "Øyvind", "Håkon"])
def test_what_is_refused_by_name(encoding: str, name: str, text: str) -> None:
    assert f"looks like {name}" in failure(text.encode(encoding))


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "cp850", "latin-1"])
@pytest.mark.parametrize("letter", "æøåÆØÅéäöčđŋšŧž")
def test_letters_encoded_twice(encoding: str, letter: str) -> None:
    try:
        twice = letter.encode().decode(encoding)
    except UnicodeDecodeError:
        pytest.skip("the encoding lacks it")
    message = failure(f"Navn\nKari\nB{twice}rn\n".encode())
    assert "line 3: the text was encoded twice" in message
    assert letter in message


def test_signs_of_damage() -> None:
    assert "line 2: a letter was lost" in failure("Navn\nBj\N{REPLACEMENT CHARACTER}rn".encode())
    assert "line 2: the file holds NUL bytes" in failure(b"Navn;E-post\nKari\0;kari@example.org\n")
    assert "neither wholly UTF-8 nor wholly Windows-1252" in failure(b"Navn\nBj\xf8rn\nBj\x9brn")
    assert "neither wholly UTF-16" in failure(b"\xff\xfe\x00\xd8a")


@pytest.mark.parametrize(
    "text", ["Čáhppe Áŋgir Đoallu Ŧ Ž", "Søren Ærø Ås", "Ange‘lique", "Señora Çelik", "Ольга"]
)
def test_good_letters_are_no_damage(text: str) -> None:
    assert decode("mentors.csv", text.encode()) == ("utf-8", text)
