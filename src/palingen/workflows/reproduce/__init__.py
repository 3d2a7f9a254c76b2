"""Reproduction of the report: repeat every run that its records describe, and compare the results with the records.

The records say what to run: the config of each run, and the cells, lengths and seeds of each study.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import monotonic

from palingen.report import build
from palingen.report.record_reader import read_records
from palingen.runtime.errors import DataError
from palingen.workflows import model_summary
from palingen.workflows.reproduce.difference_tables import format_number, verdict_cells, write_tables
from palingen.workflows.reproduce.differences import (
    VERDICTS,
    Comparison,
    compare_reports,
    read_recorded,
    read_reproduced,
)
from palingen.workflows.reproduce.earlier_table import fill_in, read_comparison
from palingen.workflows.reproduce.gan import baseline_steps, gan_run_steps, gan_study_steps
from palingen.workflows.reproduce.palindromes import palindrome_run_steps, palindrome_study_steps
from palingen.workflows.reproduce.sampling import sampling_steps
from palingen.workflows.reproduce.step_log import log_step, read_log
from palingen.workflows.reproduce.steps import Setup, Step, estimate_seconds, select_steps

__all__ = [
    "CORES",
    "VERDICTS",
    "Comparison",
    "Reproduction",
    "Step",
    "build_report",
    "estimate_seconds",
    "format_number",
    "read_comparison",
    "read_log",
    "select_steps",
    "verdict_cells",
]


CORES = 2
"""Cores of the machine that the records are of, and the durations in the help and in the table."""


class Reproduction(Setup):
    """Reproduction of all runs of the report."""

    def steps(self) -> list[Step]:
        """All steps, in an order in which each finds the files that it needs.

        Raises:
            DataError: a record is missing or damaged.
        """
        if not self.reference.is_dir():
            raise DataError(f"{self.reference}: no such folder")
        try:
            return [
                *palindrome_run_steps(self),
                *palindrome_study_steps(self),
                Step(
                    "model-summary", 1.0, partial(model_summary.write_summary, self.out / "model_summary.json"), False
                ),
                *baseline_steps(self),
                *gan_run_steps(self),
                *sampling_steps(self),
                *gan_study_steps(self),
            ]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise DataError(f"{self.reference}: a record is missing or damaged ({error})") from error

    def run(self, step: Step) -> None:
        """Compute a step, and log it."""
        start = monotonic()
        step.run()
        log_step(self.out.parent, step.name, monotonic() - start)

    def compare(self, steps: Sequence[Step], earlier: Comparison | None = None) -> tuple[Comparison, list[Path]]:
        """Compare with the records what has been computed so far, and write the table of differences.

        Args:
            steps: all steps, for the durations in the table.
            earlier: table whose numbers stand where nothing has been computed.

        Returns:
            The comparison, and the files of the table.

        Raises:
            DataError: nothing has been computed, or a record is damaged.
        """
        folder = self.out.parent
        reproduced = read_reproduced(folder)
        comparison = compare_reports(read_recorded(self.reference.parent), reproduced, read_log(folder))
        if earlier:
            comparison = fill_in(comparison, earlier)
        return comparison, write_tables(folder, comparison, estimate_seconds(steps, CORES), quick=self.quick)


def build_report(folder: Path, quick: bool) -> list[Path]:
    """Build the report of the new records; return its files.

    Args:
        folder: the report's folder, with the records in `runs`.
        quick: build figures and tables only. The text states results that a quick reproduction does not reach.

    Raises:
        DataError: a record is missing or damaged, or contradicts the text.
    """
    if not quick:
        return build.build_report(folder)
    records = read_records(folder)
    return [*build.write_figures(folder, records), *build.write_tables(folder, records)]
