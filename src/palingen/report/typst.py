"""Report as PDF and HTML, compiled by typst.

The inputs are written to an empty folder first, so that the output cannot depend on where it is made: equal records
give equal bytes.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from palingen.report.records import Records
from palingen.report.typst_inputs import TEMPLATE, write_inputs
from palingen.runtime.atomic_io import write_atomically
from palingen.runtime.content_security import CHARSET, content_security_policy, policy_element
from palingen.runtime.errors import DataError

AUTHOR = "The palingen developers"


def write_report(report: Path, records: Records) -> list[Path]:
    """Write `report.pdf` (PDF/UA-1) and `report.html` to a folder; return both paths.

    Raises:
        DataError: typst is not installed, or a record contradicts the text.
    """
    _import_typst()  # before all the work
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), records, AUTHOR)
        outputs = compile_report(Path(folder))
    for name, content in outputs.items():
        write_atomically(report / name, content)
    return [report / name for name in outputs]


def render_pdf(records: Records, author: str) -> bytes:
    """Content of `report.pdf` with an author's name.

    Raises:
        DataError: typst is not installed, or a record contradicts the text.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), records, author)
        return compile_template(Path(folder), "pdf")


def compile_report(folder: Path) -> dict[str, bytes]:
    """Content of `report.pdf` and `report.html` from a folder of inputs."""
    return {"report.pdf": compile_template(folder, "pdf"), "report.html": _add_style(compile_template(folder, "html"))}


def compile_template(folder: Path, output: Literal["pdf", "html"]) -> bytes:
    """Compile `report.typ` of a folder as PDF/UA-1 or HTML, with typst's own fonts, so that all machines agree.

    Raises:
        DataError: typst is not installed, the template is wrong, or an image has no alternative text.
    """
    typst = _import_typst()
    options: Mapping[str, Any] = {"pdf_standards": ["ua-1"]} if output == "pdf" else {}
    try:
        content = typst.compile(folder / "report.typ", root=folder, format=output, ignore_system_fonts=True, **options)
    except typst.TypstError as error:
        raise DataError(f"the report's template does not compile: {error.diagnostic.strip()}") from error
    assert isinstance(content, bytes)
    return content


def _import_typst() -> Any:
    try:
        import typst
    except ImportError as error:
        raise DataError("the report needs typst: pip install 'typst<0.16'") from error
    return typst


def _add_style(page: bytes) -> bytes:
    """Page with the project's style sheet and a policy, and without the browser's request for an icon.

    The style attributes of typst go, since no policy but a loose one allows them; `report.css` says the same.
    """
    head, end, body = page.decode().partition("</head>")
    style = (TEMPLATE / "report.css").read_text()
    policy = content_security_policy(styles=[*re.findall(r"<style>(.*?)</style>", head, re.DOTALL), style])
    head = head.replace(CHARSET, CHARSET + policy_element(policy), 1)
    return f'{head}<link rel="icon" href="data:,"><style>{style}</style>{end}{_without_styles(body)}\n'.encode()


def _without_styles(body: str) -> str:
    """HTML without the style attributes of images, drawings and lists."""
    return re.sub(r'''(<(?:img|svg|ul)\b(?:[^>"]|"[^"]*")*?) style="[^"]*"''', r"\1", body)
