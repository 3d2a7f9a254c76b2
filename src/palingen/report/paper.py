"""The paper: words from the template, numbers and pictures from the records, set by typst as PDF and HTML.

Everything is laid out in an empty folder first, so that a page cannot know where it was made: equal records give
equal bytes.
"""

import io
import json
import shutil
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from palingen.errors import DataError
from palingen.files import write_atomically
from palingen.report import arms, digits, figures, palindrome_tables, palindromes, plots, stacked, structure, within
from palingen.report.records import GAMES, Records
from palingen.report.values import Table, Values

TEMPLATE = Path(str(files("palingen"))) / "report" / "template"

AUTHOR = "The palingen developers"

ENLARGED = 4
"""Screen pixels for one of an image's."""


def write(report: Path, records: Records) -> list[Path]:
    """Set `report.pdf` (PDF/UA-1) and `report.html`; the files.

    Raises:
        DataError: typst is not installed, or a record contradicts the template's words.
    """
    _typst()  # before all the work
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder), records)
        made = pages(Path(folder))
    for file, content in made.items():
        write_atomically(report / file, content)
    return [report / file for file in made]


def pages(folder: Path) -> dict[str, bytes]:
    """Set what has been laid out: each file's content by its name."""
    return {"report.pdf": compiled(folder, "pdf"), "report.html": _finished(compiled(folder, "html"))}


def page(records: Records, author: str) -> bytes:
    """`report.pdf` with an author's name on it.

    Raises:
        DataError: typst is not installed, or a record contradicts the template's words.
    """
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder), records, author)
        return compiled(Path(folder), "pdf")


def lay_out(folder: Path, records: Records, author: str = AUTHOR) -> None:
    """Put template, numbers and pictures into an empty folder."""
    shutil.copytree(TEMPLATE, folder, dirs_exist_ok=True)
    values = all_values(records)
    (folder / "values.json").write_text(json.dumps({**_told(values, records), "author": author}, ensure_ascii=False))
    for name, drawn in {**plots.draw(records), **_sheets(records)}.items():
        (folder / name).with_suffix(".svg" if drawn.startswith(b"<?xml") else ".png").write_bytes(drawn)


def all_values(records: Records) -> Values:
    """Every number that the text may say."""
    values = Values()
    palindromes.put(values, records)
    within.put(values, records.inside)
    digits.put(values, records)
    arms.put(values, records.comparison)
    stacked.put(values, records.stacked)
    return values


def all_tables(records: Records) -> dict[str, Table]:
    """Every table there are records for."""
    return {**palindrome_tables.tables(records), **digits.tables(records), **arms.tables(records.comparison)}


def parts(records: Records) -> dict[str, bool]:
    """Which of the parts that not every report has this one has."""
    games = records.games
    return {
        "comparison": bool(records.comparison),
        **{name: name in games for name in ("residual", "residual-unconditional")},
        **{f"score-{name}": name in games and games[name].score is not None for name in GAMES},
        "stacked": records.stacked is not None and records.stacked.score is not None,
        **{f"walk-{name}": name in games and bool(games[name].walks) for name in ("course", "residual")},
        "watch": any(game.run.of("watch") for game in games.values()),
    }  # fmt: skip


def _told(values: Values, records: Records) -> dict[str, Any]:
    return {
        "values": {key: vars(value) for key, value in values.items()},
        "tables": {name: vars(table) for name, table in all_tables(records).items()},
        "has": parts(records),
        "networks": {name: structure.boxes(pair) for name, pair in records.networks["gan"].items()},
        "walks": {name: {way: _verdicts(strip) for way, strip in game.walks.items()}
                  for name, game in records.games.items()},
    }  # fmt: skip


def _verdicts(strip: figures.Strip) -> list[dict[str, str]]:
    _, classes, confidences = strip
    return [{"label": str(label), "sure": f"{100 * sure:.0f} %"}
            for label, sure in zip(classes, confidences, strict=True)]  # fmt: skip


def _sheets(records: Records) -> dict[str, bytes]:
    """The games' grids and the single images of their walks, as PNG, enlarged."""
    drawn = {}
    for name, game in records.games.items():
        for moment, pixels in game.moments.items():
            drawn[f"{name}-{moment}"] = _png(figures.sheet(pixels, columns=5))
        for way, (pixels, _, _) in game.walks.items():
            drawn |= {f"{name}-{way}-{place}": _png(image) for place, image in enumerate(pixels)}
    if records.stacked:
        drawn["stacked-end"] = _png(figures.sheet(records.stacked.moments["end"], columns=5))
    return drawn


def _png(pixels: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.kron(pixels, np.ones((ENLARGED, ENLARGED), np.uint8))).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def _typst() -> Any:
    try:
        import typst
    except ImportError as error:
        raise DataError("the report needs typst: pip install -c constraints.txt typst") from error
    return typst


def compiled(folder: Path, kind: str) -> bytes:
    """`report.typ` of a folder as PDF/UA-1 or HTML, with typst's own fonts, so that every machine sets it alike.

    Raises:
        DataError: it does not compile, or a picture has no words for those who cannot see it.
    """
    typst = _typst()
    options: Mapping[str, Any] = {"pdf_standards": ["ua-1"]} if kind == "pdf" else {}
    try:
        made = typst.compile(folder / "report.typ", root=folder, format=kind, ignore_system_fonts=True, **options)
    except typst.TypstError as error:
        raise DataError(f"the report's template does not compile: {error.diagnostic.strip()}") from error
    assert isinstance(made, bytes)
    return made


def _finished(page: bytes) -> bytes:
    """The same page with the project's look, and no request for an icon."""
    style = (TEMPLATE / "report.css").read_text()
    head = f'<link rel="icon" href="data:,"><style>{style}</style></head>'
    return page.replace(b"</head>", head.encode(), 1) + b"\n"
