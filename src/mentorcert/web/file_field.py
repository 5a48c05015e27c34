"""A field for a file: no browser keeps one over a page that loads again, so the form says that it must be chosen again."""

from typing import Annotated

from fastapi import File, Form, UploadFile

from mentorcert.web.context import RequestContext
from mentorcert.web.csrf import FILE_AGAIN_FIELD

SentFile = Annotated[UploadFile | str, File()]
"""What a file field sends: text where none is chosen."""
FileAgain = Annotated[bool, Form(alias=FILE_AGAIN_FIELD)]
"""Whether the form had a file when it was sent before: over another language, a session or a form that had ended."""


def again(context: RequestContext) -> str:
    """Return what stands at the field of a file that is lost."""
    return context._("Choose the file once more. The browser has not kept it.")


def missing(context: RequestContext, *, is_again: bool) -> str:
    """Return what stands at the field where a file is needed."""
    return again(context) if is_again else context._("Choose a file.")
