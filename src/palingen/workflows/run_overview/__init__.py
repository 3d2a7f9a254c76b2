"""Runs at hand: summaries of run folders and studies, lists of them, and their differences. Reads without torch."""

from palingen.workflows.run_overview.comparison import compare
from palingen.workflows.run_overview.listing import find_runs, read_summary, resolve_run
from palingen.workflows.run_overview.summary import PICTURES, Summary

__all__ = ["PICTURES", "Summary", "compare", "find_runs", "read_summary", "resolve_run"]
