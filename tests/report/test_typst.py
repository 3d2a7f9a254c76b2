"""The report states what the records state, and no number of it is typed."""

import ast
import io
import re
import sys
from itertools import pairwise

import number_lint
import pytest
import typst as typst_library
from fake_records import link_subset
from PIL import Image
from support import ROOT

from palingen.report import typst
from palingen.report.record_reader import read_records
from palingen.report.records import Records
from palingen.report.results import collect_tables, collect_values
from palingen.report.typst_inputs import TEMPLATE, available, write_inputs
from palingen.report.values import ARITHMETIC, LITERATURE
from palingen.runtime.errors import DataError

TEXT = sorted((TEMPLATE / "parts").glob("*.typ"))
CODE = [TEMPLATE / name for name in ("report.typ", "style.typ", "diagrams.typ", "symbols.typ")]
REPORT = ROOT / "report"
RESULTS = sorted((ROOT / "src" / "palingen" / "report" / "results").glob("*.py"))

SUBSETS = {
    "two lengths without seed 1": ("palindromes/*-T5-seed[02]", "palindromes/*-T20-seed[02]", "gan-course", "memory"),
    "one run": ("palindromes/rnn-T5-seed0",),
    "ablations and analyses": ("ablations/*", "analysis", "memory-analysis"),
    "GANs without the course's": ("gan-residual", "gan-stacked", "comparison"),
    "nothing": (),
}
"""Records that other people may have: patterns under runs/."""

MISSING = {
    "palindromes": "palindromes with the course\N{RIGHT SINGLE QUOTATION MARK}s settings",
    "memory": "recipe memory",
    "ablations": "ablations of recipe memory",
    "analysis": "gradients and gates of an LSTM and an RNN",
    "course": "recipe course for digits",
    "residual": "recipe residual",
    "scores": "scores of generated images",
    "interpolations": "interpolations between two digits",
    "variants": "variants of the recipes",
}
"""Names of the kinds of records in the sentence that stands in their place."""


@pytest.fixture(scope="module")
def inputs(committed, tmp_path_factory):
    """Folder with everything that typst reads."""
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder, committed, typst.AUTHOR)
    return folder


@pytest.fixture(scope="module")
def outputs(inputs):
    """PDF and HTML of the committed records, by file name."""
    return typst.compile_report(inputs)


def test_every_file_of_the_template_is_linted():
    assert {*TEXT, *CODE} == set(TEMPLATE.rglob("*.typ"))


@pytest.mark.parametrize("path", TEXT, ids=lambda path: path.stem)
def test_no_number_is_typed_into_the_text(path):
    assert number_lint.typed_in_text(path.read_text()) == []


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.stem)
def test_no_number_is_printed_by_the_template_code(path):
    assert number_lint.printed_by_code(path.read_text()) == []


@pytest.mark.parametrize(
    "typed",
    [
        "The LSTM is right on 100 % of them.",
        "It has #v(\"memory.runs\") runs and 156 seeds.",
        "With $T = 20$ it fails.",
        "at T=30",
        "a loss of 4.8e-8",
        "#text(size: 0.9em)[72 %]",
        "about thirty digits",
        "a fifth of them",
        '#plot("memory", alt: "right up to 20 digits")[Text.]',
        "*10* of them",
        "= Part 2",
    ],
)  # fmt: skip
def test_a_number_typed_into_the_text_is_found(typed):
    assert number_lint.typed_in_text(typed)


@pytest.mark.parametrize(
    "printed", ["#let a = [72 %]", '#let a = text("72 %")', "#let a = str(72)", "text(size: 9pt)[at 5]"]
)
def test_a_number_printed_by_code_is_found(printed):
    assert number_lint.printed_by_code(printed)


def test_numbers_in_equations_keys_labels_names_and_raw_text_are_allowed():
    text = '#eq("one minus z", $ 1 - z^2 $) <eq-1> as @huang2024 with R1 has `a1.py` // 12\n#v("variants.batch-256.fd")'
    assert number_lint.typed_in_text(text) == []
    assert number_lint.printed_by_code('#let a = rect(width: 12mm, fill: rgb("#1f5fa8"), [a])') == []


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_no_number_is_typed_into_the_text_of_a_value(path):
    """Checks the second argument of every `add_value`, but for format specifications and subscripts."""
    tree = ast.parse(path.read_text())
    skipped = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.FormattedValue | ast.Subscript)
        for part in ast.walk(getattr(node, "format_spec", None) or getattr(node, "slice", node))
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    texts = [call.args[1] for call in calls if getattr(call.func, "attr", "") == "add_value"]
    constants = [part for text in texts for part in ast.walk(text) if isinstance(part, ast.Constant)]
    words = [part.value for part in constants if isinstance(part.value, str) and id(part) not in skipped]
    assert [word for word in words if re.search(r"\d", word)] == []


def test_the_check_of_values_sees_most_modules():
    assert sum("add_value(" in path.read_text() for path in RESULTS) >= 8


def test_every_value_and_table_comes_from_a_file_that_exists(committed):
    sources = {value.source for value in collect_values(committed).values()} - {ARITHMETIC, LITERATURE}
    sources |= {source for table in collect_tables(committed).values() for source in table.source.split(", ")}
    assert len(sources) > 20
    missing = [path for path in sources if not list((ROOT if path.startswith("src/") else REPORT).glob(path))]
    assert missing == []


PENDING = ("memory.rnn-untested.", "gru.robust.recipe.", "norms.closest.")
"""Values of sentences about lengths that no RNN was trained on, GRUs of recipe memory as it is at the longest, and
latents that are closer with a limit."""


def test_every_value_in_the_text_has_a_committed_record(committed):
    keys = {key for path in TEXT for key in number_lint.value_keys(path.read_text())}
    assert len(keys) > 120
    missing = keys - set(collect_values(committed))
    assert {key for key in missing if not key.startswith(PENDING)} == set()


def test_a_record_that_contradicts_the_text_stops_the_report(tmp_path, committed):
    runs = [dict(run, accuracy=0.2) if run["cell"] == "gru" else run for run in committed.memory.runs]
    memory = type(committed.memory)(committed.memory.name, committed.memory.config, runs)
    contradicting = type(committed)(**{**vars(committed), "memory": memory})
    with pytest.raises(DataError, match="LSTM and GRU learn short palindromes"):
        typst.write_report(tmp_path, contradicting)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.torture  # test_distribution.py builds in an empty folder, and expects the committed bytes
def test_two_builds_in_two_folders_give_the_same_bytes(outputs, committed, tmp_path):
    for path in typst.write_report(tmp_path / "elsewhere", committed):
        assert path.read_bytes() == outputs[path.name]


def test_the_committed_report_is_that_of_the_committed_records(outputs):
    pictures = re.compile(r"data:[^\"']*")  # other versions of a library may encode the same picture otherwise
    html = (REPORT / "report.html").read_text()
    assert pictures.sub("", html) == pictures.sub("", outputs["report.html"].decode()), "run `palingen report` again"
    assert (REPORT / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_committed_report_lacks_no_records(outputs, committed):
    kinds = available(committed)
    assert all(kinds[kind] for kind in MISSING)
    assert b"There are no records" not in outputs["report.html"]


def test_the_pdf_is_accessible_and_small(outputs):
    assert b"pdfuaid:part>1<" in outputs["report.pdf"]
    assert len(outputs["report.pdf"]) < 3_000_000


def test_an_image_without_alternative_text_is_refused(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    (tmp_path / "report.typ").write_text('#set document(title: "T")\n#image("black.png")')
    with pytest.raises(DataError, match="alt"):
        typst.compile_template(tmp_path, "pdf")


@pytest.mark.parametrize("patterns", SUBSETS.values(), ids=SUBSETS)
def test_a_report_of_other_records_builds_and_names_what_is_missing(patterns, tmp_path):
    records = read_records(link_subset(tmp_path / "report", *patterns))
    pdf, html = typst.write_report(tmp_path / "report", records)
    text = html.read_text()
    assert pdf.read_bytes().startswith(b"%PDF")
    kinds = available(records)
    for kind, name in MISSING.items():
        is_named = not kinds[kind] and (kinds["gans"] or kind not in ("scores", "interpolations"))
        assert (f"There are no records of {name} in this report." in text) == is_named
    links = re.findall(r'<span class="value" title="[^"]+"><a[^>]*href="#([^"]+)"', text)
    assert set(links) <= set(re.findall(r'id="([^"]+)"', text))


def test_a_sentence_stands_only_with_all_its_numbers(tmp_path):
    folder = link_subset(tmp_path / "report", "palindromes/*-T5-seed[02]", "palindromes/*-T20-seed[02]")
    html = re.sub(r"<[^>]+>", "", typst.write_report(folder, read_records(folder))[1].read_text())
    assert "The RNN\N{RIGHT SINGLE QUOTATION MARK}s seeds differ at 20 digits: 1 of 2 are perfect" in " ".join(
        html.split()
    )
    assert "was back at chance" not in html  # seed 1 alone


def test_without_typst_the_error_names_the_package(monkeypatch, committed, tmp_path):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(DataError, match="needs typst: pip install"):
        typst.write_report(tmp_path, committed)


def test_the_author_is_in_the_pdf_of_a_student():
    assert b"Student number 12345678" in typst.render_pdf(Records(), "Student number 12345678")


def test_no_page_but_the_last_is_a_third_empty(inputs):
    pages = typst_library.compile(inputs / "report.typ", root=inputs, format="png", ppi=20, ignore_system_fonts=True)
    assert 8 <= len(pages) <= 16
    assert [number for number, page in enumerate(pages[:-1], 1) if _largest_gap(page) > 1 / 3] == []
    assert _largest_gap(pages[-1]) < 0.8


def _largest_gap(page):
    """Height of the largest blank band between two rows of ink, or between ink and the page number, over the page's."""
    image = Image.open(io.BytesIO(page)).convert("L")
    inked = [row for row in range(image.height) if image.crop((0, row, image.width, row + 1)).getextrema()[0] < 250]
    return max(below - above for above, below in pairwise(inked)) / image.height
