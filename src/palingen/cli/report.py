"""`palingen report`: records to figures, tables, PDF and HTML."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from palingen.cli.options import Json, print_result
from palingen.report.build import write_figures, write_tables
from palingen.report.record_reader import read_records
from palingen.report.typst import write_report
from palingen.workflows.model_summary import write_summary


def report(
    *,
    records: Annotated[Path, Parameter(help="Folder whose runs/ holds the records.")] = Path("report"),
    out: Annotated[Path | None, Parameter(help="Folder to write to; by default that of the records.")] = None,
    json: Json = False,
) -> None:
    """Build the report from its records."""
    folder = out or records
    if out is None and (records / "runs").is_dir():
        write_summary(records / "runs" / "model_summary.json")  # computed from the recipes, not recorded
    contents = read_records(records)
    files = [*write_figures(folder, contents), *write_tables(folder, contents), *write_report(folder, contents)]
    print_result({"folder": folder, "files": files}, json, title="Report")
