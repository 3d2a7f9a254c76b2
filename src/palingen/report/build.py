"""Build of the report: figures, tables, PDF and HTML from the records."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from palingen.report import figures, typst
from palingen.report.readme_table import readme_table
from palingen.report.record_reader import read_records
from palingen.report.records import GanRecords, Images, Records, Strip
from palingen.report.results import collect_tables
from palingen.report.results.stacked_mnist import modes_table
from palingen.report.typst_inputs import studies
from palingen.runtime.atomic_io import write_atomically

BEGIN, END = "<!-- results: written by `palingen report` -->", "<!-- end of results -->"
"""Lines of the README around the content of readme_table.md."""

CAPTIONS = {
    "memory": "Recipe `memory`: seeds with at least 99 % accuracy on unseen palindromes, the lowest accuracy of all "
    "seeds, and the median time of a run.",
    "memory-span": "Networks of recipe `memory` beyond their training: length T of the training, longest half-life of "
    "a unit's forget gates in steps, gradient half way back and at the first step over that at the last, and accuracy "
    "on random palindromes of T digits and of multiples of T.",
    "gru-settings": "GRUs at one length by the initial bias of their update gate, the accuracy at which the curriculum "
    "goes on to longer palindromes, and the accuracy on new palindromes at which the training stops: seeds with at "
    "least 99 % accuracy, lowest to highest accuracy, median training steps and seconds.",
    "course-lengths": "The course's settings: accuracy on unseen palindromes with the best and with the last weights, "
    "mean (lowest to highest); seeds that ever learned the task, and the median epoch; later epochs with less than "
    "half of the palindromes right; median time of a run.",
    "scores": "Images against the test images, as a frozen classifier sees them, ± standard deviation over several "
    "sets of latents, or over random subsets of real images. FD and KID: Fréchet and kernel distance; FD second: by a "
    "second classifier, which took no part in any choice. Class imbalance: total variation between the classes of the "
    "images and those of the test images. Unclear: fraction of images whose likeliest class is below 90 %.",
    "minutes": "Distance, recall and coverage against the minutes of the training, one row a training. To "
    "training: the Fréchet distance to the training images.",
    "max-latent-norms": "Recipe `residual` on the validation part of the training images, by the maximum norm of its "
    "latents, ± standard deviation over several sets of latents: the choice of the limit.",
}
"""Captions of the tables in results.md."""


def build_report(report: Path) -> list[Path]:
    """Build every figure, table and page of a report's folder from the records in its `runs`; return the paths.

    Raises:
        DataError: the records are missing or damaged, or contradict the text.
    """
    records = read_records(report)
    return [*write_figures(report, records), *write_tables(report, records), *typst.write_report(report, records)]


def write_figures(report: Path, records: Records) -> list[Path]:
    """Write the figures of README and notebooks that there are records for; return the paths."""
    paths = []
    for name, figure in screen_figures(records).items():
        paths.append(report / "figures" / f"{name}.png")
        figures.save(paths[-1], figure)
    return paths


def screen_figures(records: Records) -> dict[str, Figure]:
    """Figures for screens, by name: those that there are records for."""
    results = studies(records)
    plots: dict[str, Figure] = {}
    grids, strips = _overview_images(records.gans)
    if results and grids and strips:
        plots["overview"] = figures.overview(results, grids, strips)
    if results:
        plots["accuracy_by_length"] = figures.accuracy_by_length(results)
    if records.memory_analysis:
        plots["memory_span"] = figures.memory_span(records.memory_analysis)
    if records.analysis:
        plots["gates_and_gradients"] = figures.gates_and_gradients(records.analysis)
    if course := records.gans.get("course"):
        plots["snapshots"] = figures.snapshots(course.snapshots)
        plots["gan_curves"] = figures.gan_curves(course.run.records)
        if course.interpolations:
            plots["interpolations"] = figures.interpolations(course.interpolations)
    if records.variants:
        plots["variants"] = figures.variants(records.variants.runs)
    return plots


def write_tables(report: Path, records: Records) -> list[Path]:
    """Write the tables as Markdown: results.md, ablations.md and readme_table.md; return the paths."""
    tables = collect_tables(records)
    sections = {
        name: f"{caption}\n\n{tables[name].as_markdown()}" for name, caption in CAPTIONS.items() if name in tables
    }
    if modes := modes_table(records.stacked):
        sections["stacked"] = modes.as_markdown()
    results = "\n".join(section_markdown(name, text) for name, text in sections.items())
    contents = {"results": results, "readme_table": readme_table(records).as_markdown()}
    if "ablations" in tables:
        contents["ablations"] = tables["ablations"].as_markdown()
    for name, content in contents.items():
        write_atomically(report / f"{name}.md", content.encode())
    return [report / f"{name}.md" for name in contents]


def section_markdown(name: str, text: str) -> str:
    """Text between two comments, by which the documentation includes it."""
    return f"<!-- --8<-- [start:{name}] -->\n\n{text}\n<!-- --8<-- [end:{name}] -->\n"


def _overview_images(gans: Mapping[str, GanRecords]) -> tuple[dict[str, Images], dict[str, Strip]]:
    """Snapshots and interpolations of recipe course, and of recipe residual if there is one."""
    grids: dict[str, Images] = {}
    strips: dict[str, Strip] = {}
    if course := gans.get("course"):
        grids |= course.snapshots
        strips |= course.interpolations
    if residual := gans.get("residual"):
        grids["recipe residual, end"] = residual.snapshots["end"]
        strips |= {f"residual, {name}": strip for name, strip in residual.interpolations.items() if name == "linear"}
    return grids, strips
