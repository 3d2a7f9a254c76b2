"""Tables: one type, rendered as Markdown for README and report/, and as JSON for typst."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """Rows of text under a head; the first column holds words, the others numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    source: str
    """Files under report/ that the numbers come from, separated by commas."""

    groups: Sequence[tuple[str, int]] = ()
    """Headings over several columns, each with the number of its columns."""

    def as_json(self) -> dict[str, Any]:
        """JSON for the typst template."""
        return asdict(self)

    def as_markdown(self) -> str:
        """Markdown; a heading over several columns is repeated in each of them."""
        groups = [group for group, width in self.groups for _ in range(width)] or [""] * len(self.head)
        head = [f"{group} {name}".strip() for group, name in zip(groups, self.head, strict=True)]
        lines = [head, ["---"] * len(head), *self.rows]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in lines).replace("\N{NO-BREAK SPACE}", " ")
