import json
from dataclasses import asdict
from functools import partial

import pytest
import torch
from support import ROOT

from palingen.gan.evaluate import evaluate_generator
from palingen.gan.evaluation.score import ScoreSummary
from palingen.recipes import MAX_LATENT_NORM, PALINDROME
from palingen.runtime.errors import DataError
from palingen.runtime.parallel import ParallelConfig
from palingen.runtime.paths import PRETRAINED_DIR
from palingen.workflows.reproduce import Reproduction
from palingen.workflows.reproduce.quick import NUM_IMAGES

REFERENCE = ROOT / "report" / "runs"


def steps(out, *, quick=False, reference=REFERENCE):
    return Reproduction(reference, out, torch.device("cpu"), ParallelConfig(jobs=1), quick).steps()


@pytest.fixture(scope="module")
def reference_steps(tmp_path_factory):
    """Steps of the reference, which takes seconds to read."""
    out = tmp_path_factory.mktemp("steps")
    planned = list(steps(out))
    assert not list(out.iterdir())  # none runs early
    return planned


@pytest.fixture(scope="module")
def seconds(reference_steps):
    """Duration of each step by the reference."""
    return {step.name: step.seconds for step in reference_steps}


def test_there_is_a_part_for_every_record_and_none_runs_early(reference_steps):
    joined = {path.parent.name for path in REFERENCE.glob("memory-*/study.json")}  # with the study in memory
    records = {path.stem.replace("_", "-") for path in REFERENCE.iterdir()} - joined
    assert {step.part for step in reference_steps} == records | {"baselines"}


def test_the_duration_of_a_step_is_that_of_the_reference(seconds):
    course = json.loads((REFERENCE / "gan-course" / "records.jsonl").read_text().splitlines()[-1])
    assert seconds["gan-course"] == course["seconds"]


def test_a_run_of_a_study_has_its_own_config_where_the_record_has_one(tmp_path):
    config = asdict(PALINDROME["course"]) | {"epochs": 1, "num_samples": 200, "hidden_size": 4}
    run = {"cell": "rnn", "length": 3, "seed": 0, "seconds": 1.0, "accuracy": 0.1, "folder": "rnn-T3-seed0"}
    run |= {"loss": 2.3, "epoch": 1, "steps": 2, "environment": None}
    own = {"kind": "PalindromeConfig", **config, "hidden_size": 8}
    study = {
        "config": {"kind": "PalindromeConfig", **config},
        "runs": [run, {**run, "cell": "lstm", "folder": "lstm-T3-seed0", "config": own}],
    }
    reference = tmp_path / "reference"
    for name in ("palindromes", "memory"):
        (reference / name).mkdir(parents=True)
    (reference / "memory" / "study.json").write_text(json.dumps(study))
    (step,) = [step for step in steps(tmp_path / "out", reference=reference) if step.name == "memory"]
    step.run()
    sizes = {
        folder.parent.name: json.loads(folder.read_text())["hidden_size"]
        for folder in (tmp_path / "out" / "memory").glob("*/config.json")
    }
    assert sizes == {"rnn-T3-seed0": 4, "lstm-T3-seed0": 8}
    reproduced = json.loads((tmp_path / "out" / "memory" / "study.json").read_text())["runs"]
    assert [run.get("config") for run in reproduced] == [own, None]


ONE_OF_EACH = (
    "palindromes/T5", "analysis", "memory/T10", "memory-analysis", "model-summary", "gan-course", "interpolation",
    "max-latent-norm", "comparison",
)  # fmt: skip
"""Parts and steps of every kind."""


@pytest.mark.parametrize("only", [ONE_OF_EACH, pytest.param((), marks=pytest.mark.torture)], ids=["some", "all"])
def test_a_quick_reproduction_computes_its_steps_and_repeats_no_finished_run(
    palingen, tmp_path, evaluator, monkeypatch, only
):
    rows = json.loads((PRETRAINED_DIR / "baselines-test.json").read_text())["rows"]
    shipped = {name: ScoreSummary.from_row(row) for name, row in rows.items()}
    # both are shared by the tests, since they take a while
    monkeypatch.setattr("palingen.workflows.reproduce.gan.baselines", lambda evaluator, count: shipped)
    monkeypatch.setattr("palingen.workflows.reproduce.gan.mnist_evaluator", lambda reference="test": evaluator)
    monkeypatch.setattr("palingen.gan.study.data_evaluator", lambda info: evaluator)
    monkeypatch.setattr("palingen.gan.study.evaluate_generator", partial(evaluate_generator, count=NUM_IMAGES))
    command = ("reproduce", "--quick", "--jobs", 1, "--device", "cpu", "--out", "out", "--json")
    command += ("--only", *only) if only else ()
    run = palingen(*command)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    planned = steps(tmp_path, quick=True)
    expected = {step.name for step in planned if not only or {step.name, step.part} & {*only}}
    assert {row["step"] for row in result["steps"]} == expected
    assert all((tmp_path / file).exists() for file in result["files"])
    runs = tmp_path / "out" / "runs"
    assert (runs / "analysis" / "analysis.json").exists()
    assert (runs / "memory-analysis" / "analysis.json").exists()
    assert (runs / "model_summary.json").exists()
    norms = [json.loads(path.read_text())["max_latent_norm"] for path in runs.glob("max-latent-norm/*/score.json")]
    assert sorted(norms) == [1.02, 1.04]
    if not only:
        score = json.loads((runs / "gan-residual" / "score.json").read_text())
        assert score["max_latent_norm"] == MAX_LATENT_NORM.get("residual")
    weights = runs / "gan-course" / "weights.safetensors"
    written = weights.stat().st_mtime_ns
    monkeypatch.setattr("palingen.cli.reproduce.build_report", lambda folder, quick: result["files"])
    assert palingen(*command).returncode == 0
    assert weights.stat().st_mtime_ns == written


def test_missing_records_are_reported_with_their_folder(tmp_path):
    with pytest.raises(DataError, match="nothing: no such folder"):
        steps(tmp_path, reference=tmp_path / "nothing")
