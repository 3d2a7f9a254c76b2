"""`palingen bundle`: everything to hand in, as one ZIP file."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from palingen.cli.options import Json, print_result
from palingen.report.record_reader import read_records
from palingen.report.typst import render_pdf
from palingen.runtime.project import project_folder
from palingen.workflows.submission import Student, write_bundle


def bundle(
    *,
    student_number: Annotated[str, Parameter(help="Student number, which names the file.", metavar="NUMBER")],
    name: Annotated[str | None, Parameter(help="Name for the report and the instructions.", metavar="NAME")] = None,
    out: Annotated[
        Path, Parameter(help="Folder to write to; by default the current one.", show_default=False)
    ] = Path(),
    json: Json = False,
) -> None:
    """Pack instructions, report, notebooks, code, weights, records and explorer into NUMBER_assignment3.zip."""
    student = Student(number=student_number, name=name)
    path = out / f"{student.folder}.zip"
    project = project_folder()
    report = render_pdf(read_records(project / "report"), student.line)
    contents = write_bundle(student, path, report, project)
    size = path.stat().st_size
    rows = {**_sizes_by_folder(contents), "packed": _bytes_text(size), "file": path}
    print_result({"file": path, "bytes": size, "contents": dict(contents)}, json, title="Bundle", rows=rows)


def _sizes_by_folder(contents: Sequence[tuple[str, int]]) -> dict[str, str]:
    """Number and size of the files in each folder, two levels deep."""
    sizes: defaultdict[str, list[int]] = defaultdict(list)
    for name, size in contents:
        parts = name.split("/")
        sizes["/".join(parts[:2]) if len(parts) != 2 else f"{parts[0]}/"].append(size)
    return {
        folder: f"{len(group)} file{'s' if len(group) > 1 else ''}, {_bytes_text(sum(group))}"
        for folder, group in sizes.items()
    }


def _bytes_text(count: int) -> str:
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{count / 2**10:.0f} kB"
