"""The paper says what the records say, and nothing that was typed."""

import ast
import io
import json
import re
import shutil
import sys
from pathlib import Path

import coming
import pytest
import typed_numbers
import typst
from conftest import ROOT
from PIL import Image, ImageStat

from palingen import cli, outlines
from palingen.errors import DataError
from palingen.report import arms, paper, records, values, write

WORDS = sorted((paper.TEMPLATE / "parts").glob("*.typ"))
LOOKS = [paper.TEMPLATE / name for name in ("report.typ", "style.typ", "diagrams.typ", "symbols.typ")]
REPORT = ROOT / "report"


@pytest.fixture(scope="module")
def kept():
    return records.read(REPORT)


@pytest.fixture(scope="module")
def laid_out(kept, tmp_path_factory):
    """What typst reads of the kept records."""
    folder = tmp_path_factory.mktemp("laid-out")
    paper.lay_out(folder, kept)
    return folder


@pytest.fixture(scope="module")
def made(laid_out):
    """The paper of the kept records, by file."""
    return paper.pages(laid_out)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """Records with every part that there can be, some of them made up."""
    folder, scores = coming.make(tmp_path_factory.mktemp("everything"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "PRETRAINED", scores)
        return records.read(folder)


def test_all_files_of_the_template_are_looked_at():
    assert {*WORDS, *LOOKS} == set(paper.TEMPLATE.rglob("*.typ"))


@pytest.mark.parametrize("path", WORDS, ids=lambda path: path.stem)
def test_no_number_is_typed_into_the_words(path):
    assert typed_numbers.in_words(path.read_text()) == []


@pytest.mark.parametrize("path", LOOKS, ids=lambda path: path.stem)
def test_no_number_is_printed_by_the_looks(path):
    assert typed_numbers.in_looks(path.read_text()) == []


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
        '#plot("memory", alt: "right up to 20 digits")[Words.]',
        "*10* of them",
        "= Part 2",
    ],
)  # fmt: skip
def test_a_number_typed_into_the_words_is_found(typed):
    assert typed_numbers.in_words(typed)


@pytest.mark.parametrize(
    "typed", ["#let a = [72 %]", '#let a = text("72 %")', "#let a = str(72)", "text(size: 9pt)[at 5]"]
)
def test_a_number_printed_by_the_looks_is_found(typed):
    assert typed_numbers.in_looks(typed)


def test_the_roles_of_numbers_that_are_no_results_are_let_through():
    allowed = (
        '#eq("one minus z", $ 1 - z^2 $) <eq-1> as @huang2024 with R1 has `a1.py` // 12\n#v("course.lstm.20.mean")'
    )
    assert typed_numbers.in_words(allowed) == []
    assert typed_numbers.in_looks('#let a = rect(width: 12mm, fill: rgb("#1f5fa8"), [a])') == []


@pytest.mark.parametrize("name", ["palindromes", "within", "digits", "arms", "structure"])
def test_no_number_is_typed_into_the_strings_that_make_values(name):
    tree = ast.parse((ROOT / "src" / "palingen" / "report" / f"{name}.py").read_text())
    silent = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.FormattedValue | ast.Subscript)
        for part in ast.walk(getattr(node, "format_spec", None) or getattr(node, "slice", node))
    }
    put = [node.args[1] for node in ast.walk(tree) if _calls(node, "put") and len(node.args) == 3]
    words = [
        part.value
        for text in put
        for part in ast.walk(text)
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and id(part) not in silent
    ]
    assert put or name == "structure"
    assert [word for word in words if re.search(r"\d", word)] == []


def _calls(node, method):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method


@pytest.mark.parametrize("which", ["kept", "everything"])
def test_every_value_comes_from_a_file_that_is_there(which, request):
    read = request.getfixturevalue(which)
    sources = {value.source for value in paper.all_values(read).values()}
    sources |= {source for table in paper.all_tables(read).values() for source in table.source.split(", ")}
    made_up = (
        *(
            f"runs/{name}"
            for name in ("comparison/", "gan-residual", "gan-public-script", "gan-stacked", "between-residual")
        ),
        "src/palingen/pretrained/residual",
    )
    checked = [source for source in sources if which == "kept" or not source.startswith(made_up)]
    assert len(checked) > 20
    for source in set(checked) - {values.ARITHMETIC, values.LITERATURE}:
        assert list((ROOT if source.startswith("src/") else REPORT).glob(source)), source


def test_every_value_that_the_words_ask_for_is_there(everything):
    known = paper.all_values(everything)
    asked = {key for path in WORDS for key in typed_numbers.keys(path.read_text())}
    assert len(asked) > 80
    assert asked - set(known) == set()


def test_two_values_of_one_name_are_refused():
    told = values.Values()
    told.put("a.b", "1", values.ARITHMETIC)
    with pytest.raises(DataError, match=r"called a\.b"):
        told.put("a.b", "2", values.ARITHMETIC)


def test_a_sentence_that_the_records_contradict_stops_the_report(tmp_path, kept):
    worse = [dict(run, accuracy=0.2) if run["cell"] == "gru" else run for run in kept.memory["runs"]]
    spoilt = records.Records(**{**vars(kept), "memory": {**kept.memory, "runs": worse}})
    with pytest.raises(DataError, match="LSTM and GRU learn every length"):
        paper.write(tmp_path, spoilt)
    assert list(tmp_path.iterdir()) == []


def test_made_twice_in_two_places_the_bytes_are_the_same(made, kept, tmp_path):
    for path in paper.write(tmp_path / "elsewhere", kept):
        assert path.read_bytes() == made[path.name]


def test_the_committed_paper_says_what_the_committed_records_say(made):
    pictures = re.compile(r"data:[^\"']*")  # another library may draw the same with other bytes
    committed = (REPORT / "report.html").read_text()
    assert pictures.sub("", committed) == pictures.sub("", made["report.html"].decode()), "run `palingen report` again"
    assert (REPORT / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_pdf_is_accessible_and_small(made):
    pdf = made["report.pdf"]
    assert b"pdfuaid:part>1<" in pdf
    assert len(pdf) < 3_000_000


def test_a_picture_without_words_for_those_who_cannot_see_it_is_refused(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    (tmp_path / "report.typ").write_text('#set document(title: "T")\n#image("black.png")')
    with pytest.raises(DataError, match="alt"):
        paper.compiled(tmp_path, "pdf")


def test_what_has_not_been_run_is_said_and_what_has_is_told(made, everything, tmp_path):
    assert ("has not been run yet" in made["report.html"].decode()) == (
        not paper.parts(records.read(REPORT))["comparison"]
    )
    paper.write(tmp_path, everything)
    page = (tmp_path / "report.html").read_text()
    assert "has not been run yet" not in page
    assert "else [" not in page
    for part in (
        ">course with pair conv</a></span> comes to",
        "public-script with batchnorm eps",
        "recipe residual-unconditional",
        "A rough look while training",
    ):
        assert part in page


def test_seeds_that_overlap_are_not_told_apart():
    assert arms.verdict([1, 2], [3, 4]).startswith("below")
    assert arms.verdict([3, 4], [1, 2]).startswith("above")
    assert "overlap" in arms.verdict([1, 3], [2, 4])


def test_the_outlines_are_those_of_the_networks_as_built():
    assert json.loads((REPORT / "runs" / "networks.json").read_text()) == outlines.outlines()


def test_without_typst_there_is_one_clear_line(monkeypatch, kept, tmp_path):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(DataError, match="needs typst: pip install"):
        paper.write(tmp_path, kept)


def test_the_verb_says_which_files_it_made(tmp_path, monkeypatch, capsys):
    folder, scores = tmp_path / "report", ("*.safetensors", "snapshots")
    shutil.copytree(REPORT / "runs", folder / "runs", ignore=shutil.ignore_patterns(*scores))
    (folder / "runs" / "networks.json").unlink()
    monkeypatch.setattr(write, "write_pictures", lambda report, records: [])  # they are drawn in test_readme
    cli.app(["report", "--json", "--out", str(folder)], result_action="return_value")
    said = json.loads(capsys.readouterr().out)
    assert [path.removeprefix(f"{folder}/") for path in said["files"]] == [
        "results.md",
        "options.md",
        "report.pdf",
        "report.html",
    ]
    assert all(Path(file).stat().st_size > 500 for file in said["files"])


def test_the_paper_has_the_length_of_one_and_no_empty_page(laid_out):
    pages = typst.compile(laid_out / "report.typ", root=laid_out, format="png", ppi=20, ignore_system_fonts=True)
    assert 8 <= len(pages) <= 14
    ink = [ImageStat.Stat(Image.open(io.BytesIO(page)).convert("L")).mean[0] for page in pages]
    assert max(ink) < 254  # 255 is white
