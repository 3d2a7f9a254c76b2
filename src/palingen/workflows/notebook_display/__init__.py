"""Functions for the notebooks in `assignment/`: records, live figures, a small study, checks, and tables.

Public as `palingen.notebook`.
"""

from palingen.workflows.notebook_display.checks import (
    check_gan_shapes,
    check_interpolations,
    check_network,
    check_split,
)
from palingen.workflows.notebook_display.digits import (
    endpoints,
    generate_snapshots,
    interpolation_figure,
    max_difference,
    prediction_table,
    score_table,
)
from palingen.workflows.notebook_display.live import live
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
from palingen.workflows.notebook_display.project import output_folder, records_folder

__all__ = [
    "accuracy_table",
    "check_gan_shapes",
    "check_interpolations",
    "check_network",
    "check_split",
    "compare_configs",
    "endpoints",
    "gates_and_gradients",
    "generate_snapshots",
    "gradient_table",
    "interpolation_figure",
    "live",
    "load_results",
    "load_study",
    "max_difference",
    "output_folder",
    "parameters",
    "prediction_table",
    "predictions",
    "records_folder",
    "run_small_study",
    "score_table",
    "settings",
    "source",
    "table",
]
