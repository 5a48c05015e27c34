"""Which encoding a text file was saved in, recognised by its content and its Norwegian and Sámi letters."""

import codecs
import re
from typing import Final

from mentorcert.errors import InvalidInputError
from mentorcert.translatable import LazyText

# Not charset-normalizer: with few letters beyond ASCII it takes Mac Roman and CP850 for Windows-1252.
_READABLE: Final = {"cp1252": "Windows-1252", "iso8859-15": "ISO-8859-15"}
_REFUSED: Final = {"mac_roman": "Mac Roman", "cp850": "CP850", "cp865": "CP865"}
_NORDIC: Final = frozenset("æøåÆØÅ")
_LETTERS: Final = frozenset("äöüÄÖÜéèêëÉÈáàâãÁÀíìîïÍóòôõÓúùûÚñÑçÇßðÐþÞýšžŠŽ")
_SAMI: Final = "čđŋšŧžČĐŊŠŦŽ"
# Signs that people write between words; within a word they are letters of another encoding.
_PUNCTUATION: Final = frozenset("–—‘’“”«»…•·€§°´\u00a0\u00ad")
_BETWEEN_LETTERS: Final = frozenset("’\u00ad·")

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES: Final = 2**16
_ADVICE: Final = LazyText("Open the file where it came from and save it as CSV UTF-8.")


class UnreadableFileError(InvalidInputError):
    """The file cannot be read as a table of mentors."""


def decode(name: str, data: bytes) -> tuple[str, str]:
    """Return the encoding and the text. Raises UnreadableFileError where they can't be known for certain."""
    encoding = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    encoding = encoding or _utf16_without_mark(data) or "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise _mixed(name, data, error.start, encoding.removesuffix("-sig").upper()) from None
        encoding, text = _single_byte(name, data, error.start)
    _refuse_damage(name, text)
    return encoding, text


def _utf16_without_mark(data: bytes) -> str | None:
    sample = data[:_SAMPLE_BYTES]
    first, second = sample[::2].count(0), sample[1::2].count(0)
    if max(first, second) * 4 < len(sample) // 2:
        return None
    return "utf-16-le" if second > first else "utf-16-be"


def _single_byte(name: str, data: bytes, start: int) -> tuple[str, str]:
    # What is decoded is what stands around letters beyond ASCII: the same words in each encoding.
    words = re.findall(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*", data)
    sample = list(dict.fromkeys(words))[:10_000]
    scores = {encoding: _score(sample, encoding) for encoding in (*_READABLE, *_REFUSED)}
    best = max(scores, key=lambda encoding: scores[encoding])
    if scores[best] > 0 and best in _REFUSED:
        raise UnreadableFileError(
            LazyText(
                "{}, line {}: the text looks like {}, which is not read.",
                name, _line(data, start), _REFUSED[best],
            ),
            hint=_ADVICE,
        )  # fmt: skip
    ahead = max(scores[other] for other in _REFUSED) < scores[best]
    if scores[best] < 0 or not ahead:
        raise _mixed(name, data, start, "UTF-8")
    return best, data.decode(best)


def _score(words: list[bytes], encoding: str) -> float:
    """Return how well the words read in an encoding; minus infinity where one can't be meant."""
    score = 0.0
    for word in words:
        try:
            text = word.decode(encoding)
        except UnicodeDecodeError:
            return float("-inf")
        for place, character in enumerate(text):
            if character.isascii():
                continue
            before, after = text[place - 1 : place], text[place + 1 : place + 2]
            if character in _NORDIC or character in _LETTERS:
                if _breaks_case(text, place):
                    return float("-inf")
                score += 3 if character in _NORDIC else 1
            elif character not in _PUNCTUATION or (
                before.isalpha() and after.isalpha() and character not in _BETWEEN_LETTERS
            ):
                return float("-inf")
    return score


def _breaks_case(text: str, place: int) -> bool:
    """Whether the letter is a capital inside a word of small letters, or a small one among capitals."""
    others = "".join(filter(str.isalpha, text[:place] + text[place + 1 :]))
    if text[place].isupper():
        return place > 0 and any(map(str.islower, others))
    return text[place + 1 : place + 2].isupper() or (len(others) > 1 and others.isupper())


def _mixed(name: str, data: bytes, start: int, encoding: str) -> UnreadableFileError:
    return UnreadableFileError(
        LazyText(
            "{}, line {}: the text is neither wholly {} nor wholly Windows-1252.",
            name, _line(data, start), encoding,
        ),
        hint=_ADVICE,
    )  # fmt: skip


def _line(data: bytes, start: int) -> int:
    return data.count(b"\n", 0, start) + 1


def _read_as(letter: str, encoding: str) -> str:
    """Return what the letter's UTF-8 becomes in a program that takes it for the encoding."""
    return "".join(bytes([byte]).decode(encoding, errors="replace") for byte in letter.encode())


# Each UTF-8 letter as other encodings misread it; what they lack stays as the control of that number.
_TWICE_ENCODED: Final = {
    misread: letter
    for letter in (*_NORDIC, *_LETTERS, *_SAMI)
    for misread in (
        *(_read_as(letter, encoding) for encoding in ("cp1252", "mac_roman", "cp850")),
        letter.encode().decode("latin-1"),
    )
    if "\N{REPLACEMENT CHARACTER}" not in misread and not misread.isspace()
}
_TWICE_ENCODED_TEXT: Final = re.compile("|".join(map(re.escape, _TWICE_ENCODED)))


def _refuse_damage(name: str, text: str) -> None:
    """Raise UnreadableFileError for what was spoiled before it was saved as it is now."""
    if (place := text.find("\0")) >= 0:
        reason = LazyText(
            "{}, line {}: the file holds NUL bytes; it is no text, or was damaged.",
            *(name, _text_line(text, place)),
        )
    elif (place := text.find("\N{REPLACEMENT CHARACTER}")) >= 0:
        reason = LazyText(
            "{}, line {}: a letter was lost before the file was saved.", name, _text_line(text, place)
        )
    elif found := _TWICE_ENCODED_TEXT.search(text):
        reason = LazyText(
            "{}, line {}: the text was encoded twice: “{}” stands where “{}” was meant.",
            *(name, _text_line(text, found.start()), found[0], _TWICE_ENCODED[found[0]]),
        )
    else:
        return
    raise UnreadableFileError(reason, hint=_ADVICE)


def _text_line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
