"""Palindrome steps of a reproduction: single runs, studies, and the analyses of both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from palingen.recurrence.analysis import analyze_run
from palingen.recurrence.config import PalindromeConfig
from palingen.recurrence.pretrained import load_network
from palingen.recurrence.study import TrainOptions, count_finished, load_diverged, load_results, run_name, run_study
from palingen.report.record_shapes import ANALYSES
from palingen.runtime.atomic_io import write_json
from palingen.runtime.config_io import parse_config
from palingen.runtime.json_io import read_json
from palingen.runtime.run_files import read_config, read_result
from palingen.workflows.reproduce import quick
from palingen.workflows.reproduce.steps import WEIGHTS, Setup, Step, read_studies, wait_for_runs
from palingen.workflows.run_figures import analysis_figure

MEMORY_ANALYSIS = Path("memory-analysis", "analysis.json")

ANALYSIS_SECONDS = 60.0
"""Duration of the analysis of the long studies, which no record holds; measured with one thread."""


def palindrome_run_steps(setup: Setup) -> Iterator[Step]:
    """Steps of the single runs in `palindromes`, one for each length, and of the analysis of some of them."""
    folders = [path.parent for path in sorted(setup.reference.glob("palindromes/*/config.json"))]
    configs = [read_config(folder, PalindromeConfig) for folder in folders]
    seconds = {
        run_name(config): read_result(folder)["seconds"] for config, folder in zip(configs, folders, strict=True)
    }
    for length in sorted({config.length for config in configs}):
        runs = [config for config in configs if config.length == length]
        total = sum(seconds[run_name(config)] for config in runs)
        yield Step(f"palindromes/T{length}", total, partial(_run_all, setup, runs, setup.out / "palindromes"))
    path = setup.reference / "analysis" / "analysis.json"
    if path.exists():
        labels = {record["label"]: _analyzed_run(record) for record in read_json(path, ANALYSES)}
        runs = [config for config in configs if run_name(config) in labels.values()]
        total = sum(seconds[run_name(config)] for config in runs)
        yield Step("analysis", total, partial(_analyze_runs, setup, labels, runs))


def palindrome_study_steps(setup: Setup) -> Iterator[Step]:
    """Steps of all palindrome studies, one for each length, and of the analysis of the long ones."""
    for name, study in read_studies(setup.reference).items():
        if not any("cell" in run for run in study["runs"]):
            continue
        path = setup.reference / name / "study.json"
        configs = [_run_config(study, run, path) for run in study["runs"]]
        lengths = sorted({config.length for config in configs if not setup.quick or config.length <= quick.MAX_LENGTH})
        for length in lengths:
            runs = [config for config in configs if config.length == length]
            seconds = sum(run["seconds"] for run in study["runs"] if run["length"] == length)
            step = name if len(lengths) == 1 else f"{name}/T{length}"
            if name.startswith("memory-"):
                step = f"memory/{name}"  # the report joins it with the study in `memory`
            yield Step(step, seconds, partial(_run_study, setup, name, study, runs))
    if (setup.reference / MEMORY_ANALYSIS).exists():
        yield Step("memory-analysis", ANALYSIS_SECONDS, partial(_analyze_memory, setup))


def _analyzed_run(record: Mapping[str, Any]) -> str:
    return run_name(PalindromeConfig(cell=record["cell"], length=record["length"]))


def _run_config(study: Mapping[str, Any], run: Mapping[str, Any], path: Path) -> PalindromeConfig:
    """Config of one run of a study: its own if there is one, else the study's with the run's cell, length and seed."""
    config = parse_config(run.get("config") or study["config"], PalindromeConfig, path)
    return replace(config, cell=run["cell"], length=run["length"], seed=run["seed"])


def _run_all(setup: Setup, configs: Sequence[PalindromeConfig], out: Path) -> None:
    if setup.quick:
        configs = quick.select_palindromes(configs)
    longest_first = sorted(configs, key=lambda config: -config.length)
    results = run_study(longest_first, out, setup.parallel, TrainOptions(device=str(setup.device)))
    wait_for_runs(out.name, len(longest_first), results, count_finished(longest_first, out))


def _run_study(setup: Setup, name: str, study: Mapping[str, Any], configs: Sequence[PalindromeConfig]) -> None:
    """Run some configs of a study, and write the study of all its runs that are finished."""
    _run_all(setup, configs, setup.out / name)
    own_configs = {
        f"{run['cell']}-T{run['length']}-seed{run['seed']}": {"config": run["config"]}
        for run in study["runs"]
        if "config" in run
    }
    runs = [{**result, **own_configs.get(result["folder"], {})} for result in load_results(setup.out / name)]
    diverged = load_diverged(setup.out / name)
    write_json(setup.out / name / "study.json", {**study, "runs": runs, "diverged": diverged})


def _analyze_runs(setup: Setup, labels: Mapping[str, str], configs: Sequence[PalindromeConfig]) -> None:
    """Analyze runs of `palindromes`, which are computed first unless they are finished."""
    _run_all(setup, configs, setup.out / "palindromes")
    folders = {label: setup.out / "palindromes" / name for label, name in labels.items()}
    analyses = {label: analyze_run(folder) for label, folder in folders.items() if _is_finished(folder)}
    analysis_figure(setup.out / "analysis", analyses)


def _analyze_memory(setup: Setup) -> None:
    """Analyze the reproduced runs of long studies; where there is none, the shipped network if it has that length."""
    records = read_json(setup.reference / MEMORY_ANALYSIS, ANALYSES)
    if setup.quick:
        records = [record for record in records if record["cell"] == "rnn"]
    analyses, weights = {}, {}
    for record in records:
        name = run_name(PalindromeConfig(cell=record["cell"], length=record["length"]))
        studies = [*setup.out.glob("memory*"), *setup.out.glob("gru-settings/*")]
        runs = [folder / name for folder in sorted(studies) if _is_finished(folder / name)]
        shipped = f"pretrained:{record['cell']}-memory"
        if runs or load_network(shipped)[0].length == record["length"]:
            analyses[record["label"]] = analyze_run(runs[0] if runs else shipped)
            weights[record["label"]] = "reproduced" if runs else "shipped"
    analysis_figure(setup.out / MEMORY_ANALYSIS.parent, analyses)
    write_json(setup.out / MEMORY_ANALYSIS.parent / WEIGHTS, weights)


def _is_finished(folder: Path) -> bool:
    return (folder / "weights.safetensors").exists()
