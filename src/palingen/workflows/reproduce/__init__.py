"""Reproduction of the report: repeat every run that its records describe, and compare the results with the records.

The records say what to run: the config of each run, and the cells, lengths and seeds of each study.
"""

from pathlib import Path

from palingen.report import build
from palingen.report.record_reader import read_records
from palingen.runtime.errors import DataError
from palingen.workflows import model_summary
from palingen.workflows.reproduce.comparison import compare_records
from palingen.workflows.reproduce.gan import gan_run_steps, gan_study_steps
from palingen.workflows.reproduce.palindromes import palindrome_run_steps, palindrome_study_steps
from palingen.workflows.reproduce.steps import Setup, Step

__all__ = ["Reproduction", "Step", "build_report", "compare_records"]


class Reproduction(Setup):
    """Reproduction of all runs of the report."""

    def steps(self) -> list[Step]:
        """All steps, in an order in which each finds the files that it needs.

        Raises:
            DataError: a record is missing or damaged.
        """
        try:
            return [
                *palindrome_run_steps(self),
                *palindrome_study_steps(self),
                *gan_run_steps(self),
                *gan_study_steps(self),
            ]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise DataError(f"{self.reference}: a record is missing or damaged ({error})") from error


def build_report(folder: Path, quick: bool) -> list[Path]:
    """Build the report of the new records; return its files.

    Args:
        folder: the report's folder, with the records in `runs`.
        quick: build figures and tables only. The text states results that a quick reproduction does not reach.

    Raises:
        DataError: a record is missing or damaged, or contradicts the text.
    """
    model_summary.write_summary(folder / "runs" / "model_summary.json")
    if not quick:
        return build.build_report(folder)
    records = read_records(folder)
    return [*build.write_figures(folder, records), *build.write_tables(folder, records)]
