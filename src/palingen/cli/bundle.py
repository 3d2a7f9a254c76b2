"""`palingen bundle`: one ZIP file to hand in."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from palingen.bundle import PROJECT, Student
from palingen.bundle import bundle as pack
from palingen.cli.terminal import Where as Output
from palingen.cli.terminal import say
from palingen.report.paper import page
from palingen.report.records import read


def bundle(
    *,
    student_number: str,
    name: str = "",
    out: Path = Path(),
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Pack report, notebooks, code, weights, records and explorer into N_assignment3.zip, instructions first.

    The report in it carries the student's number and name.

    Parameters
    ----------
    student_number:
        The number that the file is named by.
    name:
        The student's name, for the report and the instructions.
    out:
        Folder to write to; by default the current one.
    json:
        Print the result as one JSON object on standard output and nothing else there.
    """
    student = Student(number=student_number, name=name)
    report = page(read(PROJECT / "report"), author=student.line)
    file = out / f"{student.folder}.zip"
    inside = pack(student, file, report)
    groups: dict[str, list[int]] = {}
    for path, size in inside:
        parts = path.split("/")
        groups.setdefault("/".join(parts[:2]) if len(parts) != 2 else f"{parts[0]}/", []).append(size)
    shown = {group: f"{_files(len(sizes))}, {_bytes(sum(sizes))}" for group, sizes in groups.items()}
    packed = _bytes(file.stat().st_size)
    where = Output(json=json)
    if json:
        say({"file": file, "bytes": file.stat().st_size, "contents": dict(inside)}, where, title="")
    else:
        say({**shown, "together, packed": packed, "file": file}, where, title="Bundle")


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _bytes(count: int) -> str:
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{count / 2**10:.0f} kB"
