"""`palingen report`: records to figures, tables, PDF and HTML."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from palingen.cli.options import Json, print_result
from palingen.report.build import write_figures, write_tables
from palingen.report.record_reader import read_records, unread_runs
from palingen.report.typst import write_report
from palingen.runtime.project import report_folder

OWN_REPORT = Path("report")
"""Report in the current folder, which is built where there is one."""

RECORDS_HELP = "Folder whose runs/ holds the records; by default report, or else the records that the package contains."
OUT_HELP = "Folder to write to; by default that of the records, or runs/report for those of the package."


FOLDERS = "runs of palindromes belong in runs/palindromes/NAME, those of GANs in runs/gan-RECIPE"


def report(
    *,
    records: Annotated[Path | None, Parameter(help=RECORDS_HELP)] = None,
    out: Annotated[Path | None, Parameter(help=OUT_HELP)] = None,
    json: Json = False,
) -> None:
    """Build the report from its records."""
    if records is None and not (OWN_REPORT / "runs").is_dir():
        records, out = report_folder(), out or Path("runs") / "report"
    records = records or OWN_REPORT
    folder = out or records
    if out is None and (records / "runs").is_dir():
        from palingen.workflows.model_summary import write_summary  # imports torch, which a report does not need

        write_summary(records / "runs" / "model_summary.json")  # computed from the recipes, not recorded
    contents = read_records(records)
    for name in unread_runs(records):
        print(f"report: {records / 'runs' / name} is read by no part of the report; {FOLDERS}", file=sys.stderr)
    files = [*write_figures(folder, contents), *write_tables(folder, contents), *write_report(folder, contents)]
    print_result({"folder": folder, "files": files}, json, title="Report")
