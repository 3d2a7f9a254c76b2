"""One self-contained HTML page of text, tables and images; nothing is fetched."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from palingen.runtime.atomic_io import write_atomically
from palingen.runtime.content_security import CHARSET, content_security_policy, policy_element

STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5c6570; --paper: #fff; --line: #d9dde2 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ea; --soft: #9aa4af; --paper: #15181b; --line: #343a40 }
}
body { max-width: 60rem; margin: 3rem auto; padding: 0 1.25rem; color: var(--ink); background: var(--paper);
  font: 1.05rem/1.6 system-ui, sans-serif }
h1 { font-size: 1.7rem; line-height: 1.25 } h2 { margin-top: 2.5rem; font-size: 1.25rem }
p { max-width: 44rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; margin: 1.25rem 0 }
th, td { padding: .3rem 1.25rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left }
th { color: var(--soft); font-weight: 600 }
figure { margin: 1.5rem 0 } img { max-width: 100%; height: auto; background: #fff; border-radius: 4px }
figcaption { color: var(--soft); font-size: .92rem }
"""


class Page:
    """Page whose parts stand in the order in which they are added.

    Args:
        title: heading and window title.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._parts = [f"<h1>{escape(title)}</h1>"]

    def section(self, title: str, text: str) -> None:
        """Add a heading and a paragraph."""
        self._parts.append(f"<h2>{escape(title)}</h2>\n<p>{escape(text)}</p>")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Add a table with one row of headings."""
        head_cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
        body_rows = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
        table = f"<table><thead><tr>{head_cells}</tr></thead><tbody>{body_rows}</tbody></table>"
        self._parts.append(f'<div class="wide">{table}</div>')

    def picture(self, path: Path, caption: str) -> None:
        """Add a PNG, embedded in the page; the caption is also its alternative text."""
        data = base64.b64encode(path.read_bytes()).decode()
        image = f'<img src="data:image/png;base64,{data}" alt="{escape(caption)}">'
        self._parts.append(f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>")

    def write(self, path: Path) -> None:
        """Write the page, atomically."""
        body, policy = "\n".join(self._parts), policy_element(content_security_policy(styles=[STYLE]))
        write_atomically(
            path,
            f'<!doctype html>\n<html lang="en"><head>{CHARSET}{policy}<title>{escape(self.title)}</title>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">\n'
            f"<style>{STYLE}</style></head>\n<body><main>\n{body}\n</main></body></html>\n".encode(),
        )
