"""Hooks of the documentation site: the pages of the repository's root, and links that lead out of `docs`."""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parent
ROOT_PAGES: Final = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")

_LINK: Final = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie beside `docs`."""
    for name in ROOT_PAGES:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to the page of the site, or to the file in the repository where the site has none."""
    folder = PurePosixPath(page.file.src_uri).parent
    is_root_page = page.file.src_uri in ROOT_PAGES

    def led(link: re.Match[str]) -> str:
        target = link[1]
        path = normpath(str((PurePosixPath() if is_root_page else "docs" / folder) / target))
        uri = path.removeprefix("docs/")
        if files.get_file_from_path(uri) and (path.startswith("docs/") or path in ROOT_PAGES):
            return relpath(uri, folder)
        if not (ROOT / path).exists():
            return target
        return f"{config.repo_url}/blob/main/{path}"

    return _LINK.sub(led, markdown)
