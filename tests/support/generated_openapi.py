"""The OpenAPI document of the JSON API; `python -m tests.support.generated_openapi` writes it again."""

import json
from typing import Final

from mentorcert.web.api import document
from tests.support.generated_docs import DOCS

FILE: Final = DOCS / "api" / "openapi.json"


def text() -> str:
    """Return the document as it is kept."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the document again."""
    FILE.write_text(text(), "utf-8")


if __name__ == "__main__":
    main()
