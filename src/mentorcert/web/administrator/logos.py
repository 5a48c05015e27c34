"""Takes an uploaded logo: reads it as the picture it says it is, and draws it again."""

import warnings
from io import BytesIO
from typing import Final

from PIL import Image

from mentorcert.translatable import LazyText

LONGEST: Final = 900_000
_KINDS: Final = ("PNG", "JPEG")
_MOST_PIXELS: Final = 16_000_000
# Sharp at 60 mm in print.
_SIZE: Final = (1000, 400)


class LogoError(Exception):
    """The file is no logo; `text` says why."""

    def __init__(self, text: LazyText) -> None:
        super().__init__()
        self.text = text


def drawn_again(content: bytes) -> bytes:
    """Return a picture as a PNG of bounded size, with nothing that was beside it in the file.

    Raises LogoError.
    """
    if len(content) > LONGEST:
        raise LogoError(LazyText("The picture is too large. It may be 900 kB."))
    try:
        with warnings.catch_warnings():
            # A warning of Pillow's about many pixels is a refusal here.
            warnings.simplefilter("error")
            opened = Image.open(BytesIO(content), formats=_KINDS)
            if opened.width * opened.height > _MOST_PIXELS:
                raise LogoError(LazyText("The picture has too many pixels. It may have 16 million."))
            picture = opened.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError):
        raise LogoError(LazyText("This is no picture in PNG or JPEG.")) from None
    picture.thumbnail(_SIZE)
    written = BytesIO()
    picture.save(written, "PNG", optimize=True)
    return written.getvalue()
