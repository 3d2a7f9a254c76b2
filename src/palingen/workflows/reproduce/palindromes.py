"""Palindrome steps of a reproduction: single runs, studies, and the analyses of both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from palingen.recurrence.analysis import analyze_run
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.study import TrainOptions, load_results, run_name, run_study
from palingen.report.record_shapes import ANALYSES
from palingen.runtime.atomic_io import write_json
from palingen.runtime.config_io import parse_config
from palingen.runtime.json_io import read_json
from palingen.runtime.run_files import read_config, read_result
from palingen.workflows.reproduce import quick
from palingen.workflows.reproduce.steps import Setup, Step, read_studies
from palingen.workflows.run_figures import analysis_figure

MEMORY_ANALYSIS = Path("memory-analysis", "analysis.json")


def palindrome_run_steps(setup: Setup) -> Iterator[Step]:
    """Steps of the single runs in `palindromes`, and of the analysis of some of them."""
    folders = sorted((setup.reference / "palindromes").iterdir())
    configs = [read_config(folder, PalindromeConfig) for folder in folders]
    seconds = sum(read_result(folder)["seconds"] for folder in folders)
    yield Step("palindromes", seconds, partial(_run_all, setup, configs, setup.out / "palindromes"))
    yield Step("analysis", 0.0, partial(_analyze_runs, setup))


def palindrome_study_steps(setup: Setup) -> Iterator[Step]:
    """Steps of all palindrome studies, the memory study and the ablations, and of the analysis of some runs."""
    for name, study in read_studies(setup.reference).items():
        if any("cell" in run for run in study["runs"]):
            path = setup.reference / name / "study.json"
            configs = [_run_config(study, run, path) for run in study["runs"]]
            seconds = sum(run["seconds"] for run in study["runs"])
            yield Step(name, seconds, partial(_run_study, setup, name, study, configs))
    if (setup.reference / MEMORY_ANALYSIS).exists():
        yield Step("memory-analysis", 0.0, partial(_analyze_memory, setup))


def _run_config(study: Mapping[str, Any], run: Mapping[str, Any], path: Path) -> PalindromeConfig:
    """Config of one run of a study: its own if there is one, else the study's with the run's cell, length and seed."""
    config = parse_config(run.get("config") or study["config"], PalindromeConfig, path)
    return replace(config, cell=run["cell"], length=run["length"], seed=run["seed"])


def _run_all(setup: Setup, configs: Sequence[PalindromeConfig], out: Path) -> None:
    if setup.quick:
        configs = quick.select_palindromes(configs)
    longest_first = sorted(configs, key=lambda config: -config.length)
    for _ in run_study(longest_first, out, setup.parallel, TrainOptions(device=str(setup.device))):
        pass  # the results are in the run folders


def _run_study(setup: Setup, name: str, study: Mapping[str, Any], configs: Sequence[PalindromeConfig]) -> None:
    _run_all(setup, configs, setup.out / name)
    own_configs = {
        run_name(config): {"config": run["config"]}
        for config, run in zip(configs, study["runs"], strict=True)
        if "config" in run
    }
    runs = [{**result, **own_configs.get(result["folder"], {})} for result in load_results(setup.out / name)]
    write_json(setup.out / name / "study.json", {**study, "runs": runs})


def _analyze_runs(setup: Setup) -> None:
    records = read_json(setup.reference / "analysis" / "analysis.json", ANALYSES)
    names = {
        record["label"]: run_name(PalindromeConfig(cell=record["cell"], length=record["length"])) for record in records
    }
    analyses = {label: analyze_run(setup.out / "palindromes" / name) for label, name in names.items()}
    analysis_figure(setup.out / "analysis", analyses)


def _analyze_memory(setup: Setup) -> None:
    """Analyze the reproduced runs of recipe memory, or the shipped network where there is no such run."""
    records = read_json(setup.reference / MEMORY_ANALYSIS, ANALYSES)
    if setup.quick:
        records = [record for record in records if record["cell"] == "rnn"]
    analyses = {}
    for record in records:
        name = run_name(PalindromeConfig(cell=record["cell"], length=record["length"]))
        runs = sorted(setup.out.glob(f"memory*/{name}/weights.safetensors"))
        analysis = analyze_run(runs[0].parent if runs else f"pretrained:{record['cell']}-memory")
        if analysis.config.length == record["length"]:
            analyses[record["label"]] = analysis
    analysis_figure(setup.out / MEMORY_ANALYSIS.parent, analyses)
