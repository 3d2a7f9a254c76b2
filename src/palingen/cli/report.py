"""`palingen report`: records to pictures, tables and the paper."""

from pathlib import Path

from palingen import outlines
from palingen.cli.terminal import Where, WhereFlags, say
from palingen.report.write import write


def report(*, where: WhereFlags = Where()) -> None:
    """Make the report again from the records that are kept with it: pictures, tables, report.pdf and report.html.

    Parameters
    ----------
    where:
        The report's folder; by default report, in the project's own folder.
    """
    folder = where.out or Path("report")
    if (folder / "runs").is_dir():
        outlines.write(folder / "runs" / "networks.json")
    say({"folder": folder, "files": write(folder)}, where, title="Report")
