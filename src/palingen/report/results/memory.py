"""Recipe memory: seeds that learn palindromes of each length, and ablations of the recipe."""

from collections.abc import Sequence
from statistics import median

from palingen.report.record_files import Record
from palingen.report.records import LEARNED, Records, StudyRecords
from palingen.report.values import Values, check_claim, count_of, format_setting, join_list, number, percent

GATED = ("lstm", "gru")
"""Cells with gates that are compared with the RNN."""

CURRICULUM_GAIN = 4
"""Factor in steps that the curriculum is at least worth."""

WITHOUT_GAIN = ("with-learn-initial-state", "with-warmup", "with-cosine-schedule")
"""Ablations that save no steps."""


def add_values(values: Values, records: Records) -> None:
    """Add the numbers of recipe memory and of its ablations."""
    if records.memory:
        _add_memory(values, records.memory)
    for name, study in records.ablations.items():
        _add_ablation(values, f"ablations.{name}", study)
    for name, study in records.orthogonal_init.items():
        _add_ablation(values, f"orthogonal.{name}", study)
    for name, study in records.gru_settings.items():
        _add_settings(values, f"gru.{name}", study, ("curriculum_threshold", "early_stop_accuracy"), digits=1)
        _add_ablation(values, f"gru.{name}", study)
        values.add_value(f"gru.{name}.worst", percent(min(run["accuracy"] for run in study.runs), 1), study.name)
        if recipe := recipe_runs(records, study):
            _add_ablation(values, f"gru.{name}.recipe", recipe)


def check_claims(records: Records) -> None:
    """Check the statements on recipe memory; those without records are skipped.

    Raises:
        DataError: the records contradict one.
    """
    if memory := records.memory:
        cells = [cell for cell in GATED if any(run["cell"] == cell for run in memory.runs)]
        learned = not cells or every_seed_length(memory, cells) > 0
        check_claim(learned, "LSTM and GRU learn short palindromes with every seed of recipe memory")
    steps = {name: median_steps(study) for name, study in records.ablations.items()}
    if {"recipe", "without-curriculum"} <= steps.keys():
        gain = steps["without-curriculum"] > CURRICULUM_GAIN * steps["recipe"]
        check_claim(gain, "the curriculum saves most of the steps")
    if chrono := records.ablations.get("chrono-init-without-curriculum"):
        failed = all(run["accuracy"] < LEARNED for run in chrono.runs)
        check_claim(failed, "chrono initialisation without the curriculum does not learn the task in time")
    orthogonal = records.orthogonal_init
    if {"lstm-with", "lstm-without"} <= orthogonal.keys():
        without_gain = median_steps(orthogonal["lstm-without"]) <= median_steps(orthogonal["lstm-with"])
        check_claim(without_gain, "orthogonal initialisation saves the LSTM no steps")
    if {"rnn-with", "rnn-without"} <= orthogonal.keys():
        learned_with, learned_without = (orthogonal[f"rnn-{name}"].learned for name in ("with", "without"))
        check_claim(learned_with >= learned_without, "orthogonal initialisation does not keep RNNs from learning")
    for study in records.gru_settings.values():
        if recipe := recipe_runs(records, study):
            share, recipe_share = (group.learned / group.seeds for group in (study, recipe))
            check_claim(share >= recipe_share, "GRUs learn more surely with settings of their own")
    for name in WITHOUT_GAIN:
        if {"recipe", name} <= steps.keys():
            check_claim(steps[name] >= steps["recipe"], f"ablation {name} saves no steps")


def median_steps(study: StudyRecords) -> float:
    """Median of the training steps over the runs of a study."""
    return median(run["steps"] for run in study.runs)


def recipe_runs(records: Records, study: StudyRecords) -> StudyRecords | None:
    """Runs of recipe memory as it is, with the cell and length of a study of one cell and length."""
    cell, length = study.runs[0]["cell"], study.runs[0]["length"]
    group = records.memory.group(cell, length) if records.memory else None
    return group if group and group.runs else None


def _add_memory(values: Values, memory: StudyRecords) -> None:
    source, config = memory.name, memory.config
    values.add_value("memory.runs", format_setting(memory.seeds), source)
    if config:
        values.add_value("memory.curriculum_start", format_setting(config["curriculum_start"]), source)
        _add_settings(values, "memory", memory, ("curriculum_threshold",), digits=0)
        _add_other_stops(values, memory)
    lengths = {cell: _longest_learned(memory, cell) for cell in sorted({run["cell"] for run in memory.runs})}
    if threads := memory.group("lstm", lengths.get("lstm", 0)).threads:
        values.add_value("memory.cores", "one core" if threads == 1 else f"{threads} cores", source)
    for cell, length in lengths.items():
        group, key = memory.group(cell, length), f"memory.{cell}-longest"
        values.add_value(f"{key}.length", format_setting(length), source)
        values.add_value(f"{key}.seeds", format_setting(group.seeds), source)
        values.add_value(f"{key}.learned", format_setting(group.learned), source)
        values.add_value(f"{key}.seconds", number(median(run["seconds"] for run in group.runs)), source)
    gated = [cell for cell in GATED if cell in lengths]
    if gated:
        values.add_value("memory.gated.cells", join_list([cell.upper() for cell in gated]), source)
        values.add_value("memory.gated.length", format_setting(min(lengths[cell] for cell in gated)), source)
        _add_steps(values, memory, gated[0])
        _add_every_seed(values, memory, gated)
    if "rnn" in lengths:
        _add_rnn_limit(values, memory, lengths["rnn"])
        _add_rnn_beyond(values, memory)


def _add_settings(values: Values, key: str, study: StudyRecords, accuracies: Sequence[str], digits: int) -> None:
    """Add the initial bias and some accuracies among the settings of a study, unless they are off."""
    config = study.config
    if config["forget_bias_init"] is not None:
        values.add_value(f"{key}.forget_bias_init", format_setting(config["forget_bias_init"]), study.name)
    for setting in accuracies:
        if config[setting] is not None:
            values.add_value(f"{key}.{setting}", percent(config[setting], digits), study.name)


def _add_other_stops(values: Values, memory: StudyRecords) -> None:
    """Add the runs with a config of their own, in which another accuracy ends the training."""
    stops = {
        f"{run['cell'].upper()} of seed {run['seed']} at {format_setting(run['length'])} digits": stop
        for run in memory.runs
        if (stop := run.get("config", memory.config)["early_stop_accuracy"]) != memory.config["early_stop_accuracy"]
    }
    if stops and None not in {*stops.values(), memory.config["early_stop_accuracy"]}:
        accuracies = [percent(stop, 1) for stop in dict.fromkeys(stops.values())]
        values.add_value("memory.other-stop.runs", join_list(list(stops)), memory.name)
        values.add_value("memory.other-stop.accuracies", join_list(accuracies), memory.name)
        values.add_value("memory.other-stop.recipe", percent(memory.config["early_stop_accuracy"], 1), memory.name)


def _add_rnn_limit(values: Values, memory: StudyRecords, longest: int) -> None:
    """Add the first length that most RNNs do not learn, and the longest that none was trained on."""
    tried = memory.lengths("rnn")
    if max(tried) < (untested := max(memory.lengths())):
        values.add_value("memory.rnn-untested.length", format_setting(untested), memory.name)
    failed = [length for length in tried if length > longest]
    if not failed:
        return
    group, key = memory.group("rnn", min(failed)), "memory.rnn-failed"
    values.add_value(f"{key}.length", format_setting(min(failed)), memory.name)
    values.add_value(f"{key}.seeds", format_setting(group.seeds), memory.name)
    values.add_value(f"{key}.learned", format_setting(group.learned), memory.name)
    if group.runs and all("curriculum_length" in run for run in group.runs):
        reached = sorted({run["curriculum_length"] for run in group.runs})
        ends = [format_setting(length) for length in dict.fromkeys((reached[0], reached[-1]))]
        values.add_value(f"{key}.reached", " to ".join(ends), memory.name)


def _add_rnn_beyond(values: Values, memory: StudyRecords) -> None:
    """Add the lengths that no curriculum of the RNNs comes near, so that their trainings are those of a shorter one."""
    runs = [run for run in memory.runs if run["cell"] == "rnn"]
    lengths = sorted({run["length"] for run in runs if not repeated_run(memory, run)})
    beyond = sorted({run["length"] for run in runs} - set(lengths))
    if beyond:
        values.add_value("memory.rnn-beyond.lengths", join_list([format_setting(n) for n in beyond]), memory.name)
        values.add_value("memory.rnn-beyond.same", format_setting(max(lengths)), memory.name)


def repeated_run(memory: StudyRecords, run: Record) -> bool:
    """Whether a training of the same seed on shorter palindromes ended at the same step of the same curriculum."""
    return any(
        other["seed"] == run["seed"]
        and other["steps"] == run["steps"]
        and other.get("curriculum_length") == run.get("curriculum_length") is not None
        and run["curriculum_length"] < other["length"] < run["length"]
        for other in memory.runs
        if other["cell"] == run["cell"]
    )


def _add_steps(values: Values, memory: StudyRecords, cell: str) -> None:
    """Add the training steps of one cell at its shortest and at its longest palindromes."""
    lengths = sorted({run["length"] for run in memory.runs if run["cell"] == cell})
    for name, length in (("shortest", lengths[0]), ("longest", lengths[-1])):
        values.add_value(f"memory.steps.{name}.length", format_setting(length), memory.name)
        steps = median(run["steps"] for run in memory.of(cell, length))
        values.add_value(f"memory.steps.{name}.steps", number(steps), memory.name)


def _add_every_seed(values: Values, memory: StudyRecords, cells: Sequence[str]) -> None:
    """Add the length up to which every seed learned, and how many did at the longest one if that is longer."""
    values.add_value("memory.gated.every-seed", format_setting(every_seed_length(memory, cells)), memory.name)
    longest = memory.lengths(*cells)[-1]
    groups = {cell: group for cell in cells if (group := memory.group(cell, longest)).seeds}
    if set(groups) == set(cells) and every_seed_length(memory, cells) == longest:
        return
    counts = [f"{count_of(group.learned, group.seeds)} {cell.upper()}s" for cell, group in groups.items()]
    values.add_value("memory.gated.last-counts", join_list(counts), memory.name)
    values.add_value("memory.gated.last-length", format_setting(longest), memory.name)


def every_seed_length(memory: StudyRecords, cells: Sequence[str]) -> int:
    """Longest palindromes that all cells were trained on, and up to which every seed of every cell learned the task."""
    longest = 0
    for length in memory.lengths(*cells):
        groups = [memory.group(cell, length) for cell in cells]
        if not all(group.learned == group.seeds for group in groups):
            break
        if all(group.seeds for group in groups):
            longest = length
    return longest


def _longest_learned(memory: StudyRecords, cell: str) -> int:
    """Longest palindromes that at least half of a cell's seeds learned; the shortest tried if there are none."""
    lengths = sorted({run["length"] for run in memory.runs if run["cell"] == cell})
    learned = [length for length in lengths if 2 * (group := memory.group(cell, length)).learned >= group.seeds]
    return max(learned, default=lengths[0])


def _add_ablation(values: Values, key: str, study: StudyRecords) -> None:
    runs, accuracies = study.runs, [run["accuracy"] for run in study.runs]
    values.add_value(f"{key}.length", format_setting(runs[0]["length"]), study.name)
    values.add_value(f"{key}.seeds", format_setting(study.seeds), study.name)
    values.add_value(f"{key}.learned", format_setting(study.learned), study.name)
    values.add_value(f"{key}.lowest", percent(min(accuracies)), study.name)
    values.add_value(f"{key}.highest", percent(max(accuracies)), study.name)
    values.add_value(f"{key}.steps", number(median_steps(study)), study.name)
