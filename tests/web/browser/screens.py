"""Takes the pictures of the README: `python -m tests.web.browser.screens`."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.support.generated_docs import DOCS
from tests.web.browser.conftest import CHROMIUM, OPTIONS, Theme, Visitors, Who, served

SCREENS: Final = DOCS / "screens"
WIDTH: Final = 1000
COLOURS: Final = 64

# What is shown of whom; and how many pixels of the page.
PICTURES: Final[dict[str, tuple[Who | None, str, Theme, int]]] = {
    "overview": ("coordinator", "/overview", "light", 1340),
    "certifications": ("coordinator", "/certifications?ends=90", "light", 1180),
    "bulk": ("coordinator", "/certifications?status=expired", "light", 1060),
    "mentor": ("mentor", "/me", "light", 720),
    "administration": ("administrator", "/admin", "dark", 660),
    "public": (None, "/public/hom", "light", 620),
}


def save(name: str, page: Page, height: int) -> Path:
    """Write the upper part of a page as a small PNG."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.wait_for_load_state("networkidle")
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    path = SCREENS / f"{name}.png"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


@contextmanager
def visitors() -> Iterator[Visitors]:
    """Open the pages in the browser."""
    with served() as url, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield Visitors(chromium, url)
        chromium.close()


def main() -> None:
    """Take every picture."""
    SCREENS.mkdir(exist_ok=True)
    with visitors() as request_context:
        for name, (who, path, theme, height) in PICTURES.items():
            with request_context.visit(who, "nb", theme=theme) as page:
                page.goto(path)
                if name == "bulk":
                    for box in page.locator("tbody input[type=checkbox]").all()[:5]:
                        box.check()
                    page.locator("button[name=step][value=preview]").click()
                save(name, page, height)


if __name__ == "__main__":
    main()
