"""Files that are no mentor file by their first bytes or by what they hold, and what to do about each."""

import re
import zipfile
from typing import Final

from mentorcert.imports.encodings import UnreadableFileError
from mentorcert.translatable import LazyText

_SAVE: Final = LazyText("Open it in Excel and save it as .xlsx or as CSV UTF-8.")
_OLE: Final = b"\xd0\xcf\x11\xe0"
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_BEGINNINGS: Final = (
    (re.compile(rb"%PDF-"), LazyText("a PDF")),
    (re.compile(rb"\{\\rtf"), LazyText("a text document (RTF)")),
    (re.compile(rb"\x1f\x8b|7z\xbc\xaf|Rar!|BZh"), LazyText("a packed archive")),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8"), LazyText("a picture")),
    (
        re.compile(rb"<(!doctype html|html|head|body|table|meta)\b", re.IGNORECASE),
        LazyText("a web page (HTML)"),
    ),
    (re.compile(rb"<\?xml|<[A-Za-z]+[ >]"), LazyText("XML")),
    (re.compile(rb"[\[{]\s*[\[{\"]"), LazyText("JSON")),
)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def refuse_other_kinds(name: str, data: bytes) -> None:
    """Raise UnreadableFileError for a file that is neither text nor a packed workbook."""
    if data.startswith(_OLE):
        if _ENCRYPTED in data:
            raise UnreadableFileError(
                LazyText("{} is protected by a password.", name),
                hint=LazyText("Take the password off in Excel, and save the file again."),
            )
        raise UnreadableFileError(LazyText("{} is an Excel file of the old kind (.xls).", name), hint=_SAVE)
    start = data[:512].removeprefix(_BYTE_ORDER_MARK).lstrip()
    for beginning, kind in _BEGINNINGS:
        if beginning.match(start):
            raise UnreadableFileError(LazyText("{} is {}, whatever its name says.", name, kind), hint=_SAVE)


def refuse_other_archives(name: str, archive: zipfile.ZipFile) -> None:
    """Raise UnreadableFileError for a zip archive that is known to be something else than an .xlsx file."""
    members = set(archive.namelist())
    if "xl/workbook.bin" in members:
        kind = LazyText("a binary workbook (.xlsb)")
    elif "mimetype" in members:
        kind = LazyText("an OpenDocument file (.ods)")
    elif "word/document.xml" in members:
        kind = LazyText("a Word document")
    elif any(member.endswith(".iwa") for member in members):
        kind = LazyText("a file of Apple Numbers")
    else:
        return
    raise UnreadableFileError(LazyText("{} is {}, whatever its name says.", name, kind), hint=_SAVE)
