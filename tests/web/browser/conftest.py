"""A real browser on the pages that `mentorcert serve` shows to those who try them out."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.command import run, start

CHROMIUM: Final = Path("/usr/bin/chromium")
# As root Chromium has no sandbox; and it is not to look for anything outside this machine.
OPTIONS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Only so that a busy machine fails no test: what is awaited comes sooner.
expect.set_options(timeout=60_000)

Who = Literal["administrator", "coordinator", "mentor"]
Language = Literal["nb", "en"]
Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Visitors:
    """Opens the pages as one of the sample people of the national example organisation."""

    browser: Browser
    url: str

    @contextmanager
    def visit(
        self,
        who: Who | None,
        language: Language = "nb",
        *,
        theme: Theme = "light",
        javascript: bool = True,
        width: int = 1100,
        height: int = 800,
    ) -> Iterator[Page]:
        """Yield a page in a browser of its own; None: nobody is signed in. What it complains of fails."""
        context = self.browser.new_context(
            base_url=self.url,
            locale="nb-NO" if language == "nb" else "en-GB",
            color_scheme=theme,
            java_script_enabled=javascript,
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
        )
        complaints: list[str] = []
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(error.message))
        try:
            if who is not None:
                step_in(page, who)
            yield page
        finally:
            context.close()
        assert [said for said in complaints if not _is_status(said)] == []

    def context(self) -> BrowserContext:
        """Return a browser of its own without any page."""
        return self.browser.new_context(base_url=self.url)


def step_in(page: Page, who: Who) -> None:
    """Become one of the sample people of the national organisation."""
    page.goto("/step-in")
    order = {"mentor": 0, "coordinator": 1, "administrator": 2}
    page.locator("section").first.locator("button[name=person]").nth(order[who]).click()
    page.wait_for_url(re.compile(r"/(overview|me)$"))


def _is_status(said: str) -> bool:
    """Return whether the browser only says that a page has an error's status, as some must have."""
    return said.startswith("Failed to load resource: the server responded with a status of 4")


@pytest.fixture(scope="session")
def pages_url() -> Iterator[str]:
    """The address of the pages."""
    with served() as url:
        yield url


@contextmanager
def served() -> Iterator[str]:
    """Set the pages up and serve them as the README says, in a folder with a short path."""
    with tempfile.TemporaryDirectory(prefix="mentorcert-pages-") as home:
        set_up = run("up", "--examples", database_url="", MENTORCERT_HOME=home)
        assert set_up.returncode == 0, set_up.stderr
        with start("serve", "--port", "0", database_url="", MENTORCERT_HOME=home) as serving:
            found = re.search(r"http://[0-9.:]+", serving.line())
            assert found is not None, serving.communicate()
            yield found[0]


# Ended with each module: while Playwright runs, its thread has an event loop, and no other can run there.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    if not CHROMIUM.exists() and "CI" not in os.environ:
        pytest.skip("Debian's chromium is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def visitors(browser: Browser, pages_url: str) -> Visitors:
    """The pages in the browser."""
    return Visitors(browser, pages_url)
