"""`palingen report`: records to pictures."""

from pathlib import Path

from palingen.cli.terminal import Where, WhereFlags, say
from palingen.report.write import write


def report(*, where: WhereFlags = Where()) -> None:
    """Draw every picture of the report again from the records that are kept with it, and its table of results.

    Parameters
    ----------
    where:
        The report's folder; by default report, in the project's own folder.
    """
    folder = where.out or Path("report")
    say({"folder": folder, "files": write(folder)}, where, title="Report")
