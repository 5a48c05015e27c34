"""Follows the links of the pages, to each kind of page once."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import Page

# What differs between two pages of a kind.
_VARIABLE: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/public/)[a-z0-9-]+|(?<=/check/)[^/?]+|(?<=/chapters/)(?!new)[^/?]+"
)
_LIMIT: Final = 150


def kind_of(url: str) -> str:
    """Return the path of a page with its ids left out, and the names of what is asked for."""
    parts = urlsplit(url)
    names = sorted({pair.partition("=")[0] for pair in parts.query.split("&") if pair})
    return _VARIABLE.sub("…", parts.path) + ("?" + "&".join(names) if names else "")


def pages(page: Page, start: str = "/") -> Iterator[str]:
    """Go to one page of each kind that can be reached by links; yield its kind while the browser is there."""
    page.goto(start)
    waiting, known = [page.url], {kind_of(page.url)}
    while waiting:
        assert len(known) < _LIMIT, f"too many kinds of pages: {sorted(known)}"
        url = waiting.pop(0)
        answer = page.goto(url)
        assert answer is not None
        assert answer.status < 400, f"{url}: {answer.status}"
        if "text/html" not in answer.headers["content-type"]:
            continue
        yield kind_of(page.url)
        # Files are downloaded, not looked at.
        links: list[str] = page.eval_on_selector_all(
            "a[href]:not([download])", "links => links.map(link => link.href)"
        )
        for link in links:
            is_ours = urlsplit(link).netloc == urlsplit(page.url).netloc and "#" not in link
            if (
                is_ours
                and not re.search(r"\.(csv|xlsx|pdf|ics|json|txt)(\?|$)", link)
                and kind_of(link) not in known
            ):
                known.add(kind_of(link))
                waiting.append(link)
