"""Summary of one run: its config, progress and numbers, read from a folder in any condition."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from palingen.report import record_shapes as shapes
from palingen.runtime.config_io import OLD_ENDING
from palingen.runtime.errors import RunError
from palingen.runtime.json_io import Shape, damaged, read_json, read_json_lines, require_shape
from palingen.runtime.kept_code import verify_kept_code
from palingen.runtime.run_files import ADVICE, DIVERGED_FILE, STUDY_RESULT_FILE, WRITTEN_BY_RUNS, read_environment
from palingen.runtime.safetensors_header import load_metadata
from palingen.workflows.run_overview.recipe_values import closest_recipe
from palingen.workflows.run_overview.summary import ProblemCollector, State, Summary, measure

KINDS = {"PalindromeConfig": "palindrome", "GanConfig": "gan", "ClassifierConfig": "classifier"}
"""Kind of a run by the kind of its config."""

CONFIGS: dict[str, Shape] = {**shapes.CONFIGS, "ClassifierConfig": {"epochs": int, "seed": int}}

RECORDS: dict[str, dict[str, Shape]] = {
    **shapes.RECORDS,
    "ClassifierConfig": {
        "step": {"step": int, "epoch": float, "loss": float},
        "result": {"accuracy": float, "epochs": int, "seconds": float},
    },
}

EXPORTED = "end.safetensors"
"""Final weights, with their config, of a network that is shipped or exported without its run."""

SCORE_FILES: dict[str, dict[str, tuple[str, Shape]]] = {
    "GanConfig": {
        "score": ("score.json", ({"fd": float, "recall": float}, {"modes": int, "reverse_kl": float})),
        "study_result": (STUDY_RESULT_FILE, {"score": ({"fd": float, "recall": float}, None)}),
    },
    "PalindromeConfig": {
        "score": ("score.json", {"seeds": [{"accuracy": float}]}),
        "study_result": (DIVERGED_FILE, {"stopped": str}),
    },
}
"""Files with scores beside a run, and their shapes, by the kind of its config and the name that their numbers get."""


def read_run_summary(folder: Path) -> Summary:
    """Summary of a run folder, of a network exported without its run, or of a folder that only resembles one."""
    collector = ProblemCollector(folder)
    config: Mapping[str, Any] = collector.read(lambda: _read_config(folder), {})
    size, modified = measure(folder)
    if not config and not any((folder / name).exists() for name in WRITTEN_BY_RUNS):
        problems = tuple(problem.replace(": damaged (", ": not of palingen (") for problem in collector.problems)
        return Summary(folder=folder, kind="unknown", state="foreign", problems=problems, size=size, modified=modified)
    kind = str(config.get("kind", ""))
    environment: Mapping[str, Any] = collector.read(lambda: _read_environment(folder), {})
    numbers = _read_numbers(folder, kind, collector)
    collector.read(lambda: _require_same_config(folder, config), None)
    collector.read(lambda: verify_kept_code(config, folder), None)
    state = _state(folder, numbers, collector)
    recipe, overrides = closest_recipe(config, environment.get("command")) if config else (None, {})
    return Summary(
        folder=folder,
        kind=KINDS.get(kind, "unknown"),
        state=state,
        recipe=recipe,
        overrides=overrides,
        done=_finished_epochs(numbers) or (config["epochs"] if state == "finished" else 0),
        total=config.get("epochs"),
        result=headline(numbers),
        config=config,
        environment=environment,
        numbers=numbers,
        modified=modified,
        size=size,
        problems=tuple(collector.problems),
    )


def _read_config(folder: Path) -> Mapping[str, Any]:
    """Config with its kind; that of an exported network stands in its weights."""
    path = folder / "config.json"
    if not path.exists() and (folder / EXPORTED).exists():
        path = folder / EXPORTED
        config = load_metadata(path)
    else:
        config = read_json(path, {"kind": str}, advice=ADVICE)
    kind = config["kind"]
    if kind.endswith(OLD_ENDING):
        raise RunError(f"{path}: written by an older version of palingen; train again")
    if kind not in KINDS:
        raise RunError(f"{path}: kind={kind!r:.40}: not a run of this version of palingen")
    checked: Mapping[str, Any] = _shaped(path, config, CONFIGS[kind])
    return checked


def _read_environment(folder: Path) -> Mapping[str, Any]:
    is_there = (folder / "environment.json").exists()  # written when the training starts
    return read_environment(folder) if is_there else {}


def _read_numbers(folder: Path, kind: str, collector: ProblemCollector) -> dict[str, Any]:
    """Last record of each kind, and the scores beside the run."""
    path = folder / "records.jsonl"
    is_growing = not (folder / "weights.safetensors").exists()
    records: list[dict[str, Any]] = []
    if path.exists():
        records = collector.read(lambda: read_json_lines(path, {"kind": str}, advice=ADVICE, growing=is_growing), [])
    numbers = {}
    for record in {record["kind"]: record for record in records}.values():
        shape = RECORDS.get(kind, {}).get(record["kind"], object)
        if collector.read(partial(_shaped, path, record, shape), None):
            numbers[record["kind"]] = {name: value for name, value in record.items() if name != "kind"}
    for name, (file, shape) in SCORE_FILES.get(kind, {}).items():
        if (folder / file).exists():
            numbers[name] = collector.read(partial(read_json, folder / file, shape), {})
    return numbers


def _require_same_config(folder: Path, config: Mapping[str, Any]) -> None:
    path = folder / "weights.safetensors"
    if path.exists() and load_metadata(path) != config and config:
        raise RunError(f"{path}: written by a run with other settings than config.json beside it")


def _state(folder: Path, numbers: Mapping[str, Any], collector: ProblemCollector) -> State:
    """State of the run; adds the problem that results are missing."""
    has_weights, has_result = (folder / "weights.safetensors").exists(), "result" in numbers
    if has_weights and not has_result and not collector.problems:
        collector.add("records.jsonl: holds no result, although the weights are written")
    if collector.problems:
        return "damaged"
    is_exported = (folder / EXPORTED).exists() and not (folder / "config.json").exists()
    is_trained = has_result and (has_weights or not (folder / "resume.pt").exists())
    return "finished" if is_exported or is_trained else "unfinished"


def _finished_epochs(numbers: Mapping[str, Any]) -> float:
    return max((numbers[kind]["epoch"] for kind in ("epoch", "step") if kind in numbers), default=0)


def headline(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Most important numbers of a run, by the name that scores and records give them."""
    score = numbers.get("score") or (numbers.get("study_result") or {}).get("score")
    if score and score.get("seeds"):  # the network is that of the first
        return {"accuracy": score["seeds"][0]["accuracy"]}
    if score:
        reference = "validation_" if score.get("reference") == "validation" else ""
        return {f"{reference}{name}": score[name] for name in ("fd", "recall", "modes") if name in score}
    if "stopped" in (numbers.get("study_result") or {}) and "result" not in numbers:
        return {"stopped": numbers["study_result"]["stopped"]}
    if "monitor" in numbers:  # rough, but says more of images than losses do
        monitor = numbers["monitor"]
        return {f"monitor_{name}": monitor[name] for name in ("fd", "modes") if name in monitor}
    record = numbers.get("result") or numbers.get("epoch") or numbers.get("step") or {}
    accuracy = "accuracy" if "result" in numbers else "test_accuracy"  # that of an epoch is of the training data
    names = (accuracy, "real_accuracy", "fake_accuracy", "loss")
    return {name: record[name] for name in names if name in record}


def _shaped(path: Path, value: Any, shape: Shape) -> Any:
    """The value, if it has the shape.

    Raises:
        DataError: it has another one.
    """
    try:
        require_shape(value, shape)
    except ValueError as error:
        raise damaged(path, str(error), ADVICE) from error
    return value
