"""`palingen gan baselines`: scores of real and of corrupted images."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from palingen.cli.evaluators import ReferenceFlag, identify, open_evaluator, print_table
from palingen.cli.options import OutputFlags, OutputOptions, print_result
from palingen.gan.evaluation import baselines as shipped
from palingen.runtime.atomic_io import write_json
from palingen.runtime.numerics import configure_numerics


def baselines(
    *,
    count: Annotated[
        int | None, Parameter(help="Images of each kind; limits and default are those of gan score.")
    ] = None,
    reference: ReferenceFlag = "test",
    recompute: Annotated[bool, Parameter(negative="", help="Compute them even if they are shipped.")] = False,
    data: Annotated[str | None, Parameter(help="Data set: mnist, another name, or a path; mnist by default.")] = None,
    output: OutputFlags = OutputOptions(),
) -> None:
    """Score real images as if they were generated, and real images corrupted on purpose, ten random subsets of each.

    The first row is what a perfect generator would get; the others show what each metric notices.
    """
    configure_numerics()
    evaluator, count = open_evaluator(identify(data), reference, count)
    scores = evaluator.controls(count) if recompute else shipped.baselines(evaluator, count)
    name = "" if evaluator.info.is_mnist else f"{Path(evaluator.info.name).stem}-"
    folder = output.out or Path("runs") / "baselines" / f"{name}{reference}-{count}-images"
    path = folder / shipped.file_name(reference)
    record = shipped.as_record(evaluator, count, scores)
    write_json(path, record)
    if not output.json:
        print_table(scores, evaluator, count)
    paths = {"folder": folder, "files": [path]}
    print_result({**record, **paths}, output.json, title="Baselines", rows=paths)
