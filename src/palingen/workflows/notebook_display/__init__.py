"""Functions for the notebooks in `assignment/`: records, a small study, figures, and tables that display themselves.

Public as `palingen.notebook`.
"""

from palingen.workflows.notebook_display.digits import (
    endpoints,
    generate_snapshots,
    interpolation_figure,
    max_difference,
    prediction_table,
    score_table,
)
from palingen.workflows.notebook_display.markup import compare_configs, parameters, settings, source, table
from palingen.workflows.notebook_display.palindromes import (
    accuracy_table,
    gates_and_gradients,
    gradient_table,
    load_results,
    load_study,
    predictions,
    run_small_study,
)
from palingen.workflows.notebook_display.project import project_folder

__all__ = [
    "accuracy_table",
    "compare_configs",
    "endpoints",
    "gates_and_gradients",
    "generate_snapshots",
    "gradient_table",
    "interpolation_figure",
    "load_results",
    "load_study",
    "max_difference",
    "parameters",
    "prediction_table",
    "predictions",
    "project_folder",
    "run_small_study",
    "score_table",
    "settings",
    "source",
    "table",
]
