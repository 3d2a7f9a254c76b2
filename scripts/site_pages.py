"""Hooks of the documentation site: pages and files from outside `docs/`, and the command-line reference.

Links in the sources are paths in the repository, so that they also work where the repository is browsed. Those that
leave `docs/` are changed to the places where the site has their targets.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from command_reference import PAGES as COMMAND_PAGES
from command_reference import command_page
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]

PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "assignment/README.md": "assignment.md",
    "benchmarks/README.md": "benchmarks.md",
    "report/README.md": "report/records.md",
}
"""Path in the site of each page that stands outside `docs/`, by its path in the repository."""

FILES = (
    "report/report.html",
    "report/report.pdf",
    "report/explorer.html",
    "report/figures/*.png",
    "assignment/*.ipynb",
    "benchmarks/records/*.json",
)
"""Files with one path in the repository and in the site."""

FLAG = re.compile(r"(?<=[\s>])(--[\w\[\]-]+)(?=[\s<])")

LINK = re.compile(r'(\]\(|src="|href=")([^)#":]+)')


def on_files(files: Files, config: Any) -> Files:
    """Add what stands outside `docs/`, and the command-line reference."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    for path in [path for pattern in FILES for path in sorted(ROOT.glob(pattern))]:
        files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    for name in COMMAND_PAGES:
        files.append(File.generated(config, f"reference/{name}.md", content=command_page(name)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Change links that leave the page's folder in the repository to paths in the site."""
    site_path = page.file.src_uri
    sources = {site: source for source, site in PAGES.items()}
    folder = posixpath.dirname(sources.get(site_path, f"docs/{site_path}"))

    def in_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[2]))
        target = PAGES.get(target, target.removeprefix("docs/"))
        if files.get_file_from_path(target) is None:
            return link[0]
        return link[1] + posixpath.relpath(target, posixpath.dirname(site_path) or ".")

    return LINK.sub(in_site, markdown)


def on_page_content(html: str, page: Any, config: Any, files: Files) -> str:
    """Mark flags, so that no line is broken inside `--`."""
    return FLAG.sub(r'<span class="flag">\1</span>', html)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Name the search dialog for screen readers, which the theme does not."""
    return output.replace(
        'data-md-component="search" role="dialog"', 'data-md-component="search" role="dialog" aria-label="Search"'
    )
