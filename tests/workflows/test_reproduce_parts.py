"""Parts of a reproduction, and the table of differences from the records."""

import json
import shutil
from pathlib import Path
from statistics import stdev

import numpy as np
import pytest
import scipy.stats
import torch
from support import ROOT

from palingen.report.record_reader import read_records
from palingen.report.results import collect_values
from palingen.runtime.errors import ConfigError, DataError, Interrupted
from palingen.runtime.parallel import ParallelConfig
from palingen.workflows.reproduce import CORES, Reproduction, estimate_seconds, select_steps
from palingen.workflows.reproduce.comparison import compare_measurements
from palingen.workflows.reproduce.difference_tables import summary_table
from palingen.workflows.reproduce.differences import VERDICTS, compare_reports, read_recorded, read_reproduced
from palingen.workflows.reproduce.measurements import Measurement
from palingen.workflows.reproduce.metrics import METRICS
from palingen.workflows.reproduce.step_log import read_log
from palingen.workflows.reproduce.steps import Step

REPORT = ROOT / "report"

COMMITTED = REPORT / "reproduction.json"


@pytest.fixture(scope="module")
def steps():
    setup = Reproduction(REPORT / "runs", Path("out/runs"), torch.device("cpu"), ParallelConfig(jobs=1))
    return setup.steps()


@pytest.fixture(scope="module")
def recorded():
    return read_recorded(REPORT)


@pytest.fixture(scope="module")
def identity(recorded):
    """Comparison of the records with themselves."""
    return compare_reports(recorded, recorded, {})


def copy_runs(folder, *names, finished=True):
    """Copy records to a reproduction, as finished or as unfinished runs."""
    for name in names:
        shutil.copytree(REPORT / "runs" / name, folder / "runs" / name, ignore=shutil.ignore_patterns("snapshots"))
        if finished:
            (folder / "runs" / name / "weights.safetensors").touch()


def verdicts(comparison, part):
    (summary,) = [summary for summary in comparison.parts if summary.part == part]
    return {verdict: count for verdict, count in summary.verdicts.items() if count}


def compare(recorded, reproduced, metric="fd", **options):
    """Difference of the runs of one number."""
    numbers = [
        Measurement("part", "group", metric, {f"seed {seed}": value for seed, value in enumerate(values)}, **options)
        for values in (recorded, reproduced)
    ]
    (difference,) = compare_measurements(numbers[:1], numbers[1:])
    return difference


def test_a_part_selects_all_its_steps_and_a_step_only_itself(steps):
    lengths = ["memory/T10", "memory/T20", "memory/T50", "memory/T100", "memory/T200", "memory/T1000"]
    joined = ["memory/memory-1000", "memory/memory-10000", "memory/memory-100000"]
    assert [step.name for step in select_steps(steps, ["memory"])] == [*lengths, *joined]
    assert [step.name for step in select_steps(steps, ["gan-course", "memory/T50"])] == ["memory/T50", "gan-course"]
    assert select_steps(steps, []) == steps


@pytest.mark.parametrize(
    ("name", "closest"),
    [("palindrme", "palindromes"), ("memory/T11", "memory/T10"), ("ablation/recipe", "ablations")],
)
def test_an_unknown_part_is_refused_with_the_closest(steps, name, closest):
    with pytest.raises(ConfigError, match=rf"^only: unknown '{name}'; did you mean '{closest}'\? \(choose from"):
        select_steps(steps, [name])


def test_parallel_runs_share_the_cores_and_others_do_not():
    steps = [
        Step("memory/T10", 60, print),
        Step("memory/T20", 20, print),
        Step("gan-course", 100, print, parallel=False),
    ]
    assert estimate_seconds(steps, 2) == {"memory": 40, "gan-course": 100}


def test_bad_commands_end_in_one_line(palingen):
    for arguments, message in (
        (("--only", "memry"), "did you mean 'memory'?"),
        (("--compare", "--out", "nothing"), "no such folder"),
        (("--only", "memory", "--compare"), "takes no parts"),
    ):
        run = palingen("reproduce", *arguments)
        assert (run.returncode, run.stderr.count("\n"), run.stdout) == (2, 1, "")
        assert message in run.stderr


def test_the_help_lists_every_part_with_its_time(palingen, steps):
    screen = " ".join(palingen("reproduce", "--help").stdout.split())
    assert all(f"{part} (" in screen for part in estimate_seconds(steps, CORES))


@pytest.mark.parametrize("runs", [2, 3, 6, 11, 30])
def test_two_means_agree_within_the_95_percent_range_of_their_difference(runs):
    recorded = [float(value) for value in range(runs)]
    assert compare(recorded, recorded).verdict == "equal"
    quantile = scipy.stats.t.ppf(0.975, min(runs - 1, 10))
    allowed = quantile * stdev(recorded) * (2 / runs) ** 0.5
    inside, outside = (compare(recorded, [value + factor * allowed for value in recorded]) for factor in (0.99, 1.01))
    assert inside.allowed == outside.allowed == pytest.approx(allowed, rel=2e-3)
    assert (inside.verdict, outside.verdict) == ("within", "outside")
    assert outside.difference == pytest.approx(1.01 * allowed)


def test_only_runs_that_are_in_both_are_compared():
    difference = compare([1.0, 3.0, 8.0], [1.5, 3.5])
    assert (difference.recorded, difference.reproduced, difference.difference) == (2.0, 2.5, 0.5)
    assert (difference.reproduced_runs, difference.runs) == (2, 3)


def test_a_single_number_agrees_within_its_rounding_or_its_spread_over_sets_of_images():
    assert [compare([4.0], [value]).verdict for value in (4.0, 4.04, 4.06)] == ["equal", "within", "outside"]
    assert [compare([4.0], [value], std=0.3, num_sets=6).verdict for value in (4.44, 4.45)] == ["within", "outside"]
    percents = compare([0.99], [0.984], metric="accuracy")
    assert (percents.recorded, percents.verdict) == (99.0, "outside")


def test_times_are_not_judged_and_missing_runs_are_not_run_yet():
    assert compare([1.0], [100.0], metric="seconds").verdict == "timing"
    assert compare([1.0], []).verdict == "not run yet"


def test_every_number_of_the_records_equals_itself(identity):
    for part in identity.parts:
        assert {name for name, count in part.verdicts.items() if count} <= {"equal", "timing"}
        assert part.numbers == sum(part.verdicts.values()) > 0


def test_every_part_has_numbers_and_every_metric_is_used(identity, steps):
    assert {part.part for part in identity.parts} == {step.part for step in steps}
    titles = {number.metric for number in identity.numbers}
    assert titles == {f"{metric.title}, {metric.unit}" if metric.unit else metric.title for metric in METRICS.values()}


def test_every_record_that_a_number_of_the_report_comes_from_belongs_to_a_part(identity):
    sources = {value.source for value in collect_values(read_records(REPORT)).values()}
    folders = {
        source.split("/")[1].removesuffix(".json").rstrip("*") for source in sources if source.startswith("runs/")
    }
    assert {folder.replace("_", "-") for folder in folders} <= {part.part for part in identity.parts}
    shipped = {f"gan-{source.split('/')[3]}" for source in sources if source.startswith("src/palingen/pretrained")}
    assert shipped <= {part.part for part in identity.parts}


def test_a_part_grows_run_by_run_and_unfinished_runs_do_not_count(recorded, tmp_path):
    copy_runs(tmp_path, "palindromes/rnn-T5-seed0", "palindromes/rnn-T5-seed1")
    copy_runs(tmp_path, "palindromes/lstm-T5-seed0", finished=False)
    comparison = compare_reports(recorded, read_reproduced(tmp_path), {})
    reproduced = [number for number in comparison.numbers if number.reproduced is not None]
    assert {(number.part, number.group, number.reproduced_runs) for number in reproduced} == {
        ("palindromes", "RNN, T = 5", 2)
    }
    assert verdicts(comparison, "palindromes")["equal"] == 8
    assert verdicts(comparison, "memory").keys() == {"not run yet"}


def test_the_score_that_is_shipped_is_not_taken_for_a_reproduced_one(recorded, tmp_path):
    copy_runs(tmp_path, "gan-course")
    comparison = compare_reports(recorded, read_reproduced(tmp_path), {})
    missing = {
        number.group for number in comparison.numbers if number.part == "gan-course" and not number.reproduced_runs
    }
    assert missing == {"images"}


def test_the_last_row_of_the_table_counts_the_numbers_of_all_parts(recorded, tmp_path):
    copy_runs(tmp_path, "palindromes/rnn-T5-seed0")
    comparison = compare_reports(recorded, read_reproduced(tmp_path), {})
    *parts, total = summary_table(comparison, {"palindromes": 60.0, "memory": 30.0}).rows
    assert total[:2] == ["all", "1 min 30 s"]
    for column, verdict in enumerate(VERDICTS, 2):
        count = sum(number.verdict == verdict for number in comparison.numbers)
        assert int(total[column] or 0) == sum(int(row[column] or 0) for row in parts) == count


def test_another_environment_is_named(recorded, tmp_path):
    copy_runs(tmp_path, "palindromes/rnn-T5-seed0")
    path = tmp_path / "runs" / "palindromes" / "rnn-T5-seed0" / "environment.json"
    recorded_on = json.loads(path.read_text())

    def changes(**environment):
        path.write_text(json.dumps(recorded_on | environment))
        comparison = compare_reports(recorded, read_reproduced(tmp_path), {})
        return {part.part: part.environment for part in comparison.parts}

    assert changes(threads=1, processor="AVX2")["palindromes"] == "processor AVX512 → AVX2, threads 2 → 1"
    assert changes(device="cuda", cuda="A GPU")["palindromes"] == "device cpu → cuda (A GPU)"
    assert changes(device="cpu", cuda="A GPU")["palindromes"] == "the same"
    assert changes()["memory"] == ""


def test_parts_are_computed_in_several_sittings_and_the_table_grows(palingen, tmp_path):
    command = ("reproduce", "--quick", "--jobs", 1, "--device", "cpu", "--out", "out", "--only")
    assert "### palindromes" not in palingen(*command, "model-summary").stdout
    run = palingen(*command, "palindromes/T5")
    assert "outside: palindromes, RNN, T = 5, accuracy, best weights, %: recorded 100, reproduced" in run.stdout
    assert not (tmp_path / "out" / "report.pdf").exists()
    table = (tmp_path / "out" / "differences.md").read_text()
    record = json.loads((tmp_path / "out" / "differences.json").read_text())
    by_part = {part["part"]: part for part in record["parts"]}
    assert by_part["model-summary"]["verdicts"] == dict.fromkeys(VERDICTS, 0) | {"equal": 14}
    assert by_part["palindromes"]["verdicts"]["timing"] == 2
    assert [*by_part["palindromes"]["log"]] == ["palindromes/T5"]
    assert "### palindromes" in table
    assert "### memory" not in table


def test_an_interpolation_of_shipped_weights_is_repeated_pixel_by_pixel_and_replaces_that_of_others(tmp_path):
    setup = Reproduction(REPORT / "runs", tmp_path / "runs", torch.device("cpu"), ParallelConfig(jobs=1))
    (step,) = select_steps(setup.steps(), ["interpolation"])
    folder = tmp_path / "runs" / "interpolation"
    folder.mkdir(parents=True)
    (folder / "weights.json").write_text('{"weights": "reproduced"}')
    (folder / "left-over.png").touch()
    setup.run(step)
    assert json.loads((folder / "weights.json").read_text()) == {"weights": "shipped"}
    assert not (folder / "left-over.png").exists()
    for name in ("linear.npy", "spherical.npy"):
        recorded = np.load(REPORT / "runs" / "interpolation" / name).astype(int)
        assert abs(np.load(folder / name) - recorded).max() <= 1  # grey levels: rounding on another processor


def test_an_interrupted_reproduction_leaves_a_table_of_what_is_finished(palingen, tmp_path, monkeypatch):
    def stop(*arguments):
        raise Interrupted("stopped")

    monkeypatch.setattr("palingen.workflows.reproduce.sampling.load_generator", stop)
    run = palingen("reproduce", "--out", "out", "--only", "model-summary", "interpolation")
    assert (run.returncode, run.stdout) == (130, "")
    parts = json.loads((tmp_path / "out" / "differences.json").read_text())["parts"]
    assert {part["part"] for part in parts if part["verdicts"]["equal"]} == {"model-summary"}


def test_a_damaged_log_is_refused_in_one_line(tmp_path):
    (tmp_path / "steps.json").write_text('{"memory/T10": {"finished": 3}}')
    with pytest.raises(DataError, match=r"steps.json.*finished"):
        read_log(tmp_path)


def test_the_committed_table_is_of_the_present_records(identity):
    committed = {
        (row["part"], row["group"], row["metric"]): row for row in json.loads(COMMITTED.read_text())["numbers"]
    }
    present = {(number.part, number.group, number.metric): number.recorded for number in identity.numbers}
    reproduced = {key: row["recorded"] for key, row in committed.items() if row["reproduced_runs"] == row["runs"]}
    advice = "these parts of the records have changed: repeat them, and copy differences.* to report/reproduction.*"
    assert reproduced, "the table holds no reproduced number"
    assert {key: present.get(key) for key in reproduced} == pytest.approx(reproduced), advice
