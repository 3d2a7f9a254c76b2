"""Tables of the palindromes."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from palingen.report.record_files import Record
from palingen.report.records import Records, RunRecords, StudyRecords
from palingen.report.results.memory import median_steps, recipe_runs
from palingen.report.results.palindromes import final_accuracy, first_learned, lost_epochs
from palingen.report.tables import Table
from palingen.report.values import count_of, format_setting, mean_and_range, number, percent

CELLS = ("lstm", "gru", "rnn")

MODEL_SUMMARY = "runs/model_summary.json"

OPTIMIZERS = {"rmsprop": "RMSprop", "adam": "Adam"}
STUDY_HEAD = ["learned", "lowest to highest", "steps", "seconds"]

INPUTS = {"scalar": "value of the digit", "one-hot": "one-hot"}


def settings_table(records: Records) -> Table | None:
    """Settings of recipes course and memory, of those there are records for."""
    configs: dict[str, Record] = {}
    sources = []
    if records.palindromes:
        configs["course"] = records.palindromes[0].config
        sources.append(f"{records.palindromes[0].name}/config.json")
    if records.memory and records.memory.config:
        configs["memory"] = records.memory.config
        sources.append(records.memory.name)
    rows = [[name, *(describe(config) for config in configs.values())] for name, describe in SETTINGS.items()]
    if records.model_summary:
        parameters = records.model_summary["palindromes"]
        rows += [[f"parameters, {cell.upper()}", *(number(parameters[recipe][cell]) for recipe in configs)]
                 for cell in CELLS]  # fmt: skip
        sources.append(MODEL_SUMMARY)
    return Table(["setting", *configs], rows, ", ".join(sources)) if configs else None


def course_table(records: Records) -> Table | None:
    """Accuracies with the course's settings, by length and cell."""
    groups = {f"T = {length:,}, {cell.upper()}": records.course_runs(cell, length)
              for length in records.course_lengths for cell in ("lstm", "rnn")}  # fmt: skip
    rows = [_course_row(name, runs) for name, runs in groups.items() if runs]
    head = ["length, cell", "seeds", "best weights, %", "learned", "epoch", "epochs lost", "last weights, %", "seconds"]
    return Table(head, rows, "runs/palindromes/*/records.jsonl") if rows else None


def memory_table(memory: StudyRecords | None) -> Table | None:
    """Seeds that learn the task with recipe memory, their lowest accuracy and median time, by length and cell."""
    if memory is None:
        return None
    rows = []
    for length in memory.lengths():
        groups = [_memory_cells(memory.group(cell, length)) for cell in CELLS]
        rows.append([format_setting(length), *(text for group in groups for text in group)])
    head = ["T", *(name for _ in CELLS for name in ("learned", "lowest", "time"))]
    return Table(head, rows, memory.name, groups=[("", 1), *((cell.upper(), 3) for cell in CELLS)])


def ablations_table(ablations: Mapping[str, StudyRecords]) -> Table | None:
    """Recipe memory as it is, then with one setting changed, by ablation."""
    studies = sorted(ablations.items(), key=lambda item: (item[0] != "recipe", item[0]))
    rows = [
        ["the recipe" if name == "recipe" else name.replace("-", " "), *_study_cells(study)] for name, study in studies
    ]
    return Table(["ablation", *STUDY_HEAD], rows, "runs/ablations/*/study.json") if rows else None


def gru_settings_table(records: Records) -> Table | None:
    """GRUs with settings of their own, after those with recipe memory as it is."""
    studies = [
        group for study in records.gru_settings.values() for group in (recipe_runs(records, study), study) if group
    ]
    rows = [[*_gru_settings(study.config), *_study_cells(study)] for study in studies]
    head = ["initial bias", "longer at", "stop at", *STUDY_HEAD]
    return Table(head, rows, "runs/gru-settings/*/study.json") if rows else None


def _gru_settings(config: Record) -> list[str]:
    accuracies = (config["curriculum_threshold"], config["early_stop_accuracy"])
    return [_forget_bias(config), *("none" if accuracy is None else percent(accuracy, 1) for accuracy in accuracies)]


def _study_cells(study: StudyRecords) -> list[str]:
    accuracies = [run["accuracy"] for run in study.runs]
    return [
        count_of(study.learned, study.seeds),
        f"{number(100 * min(accuracies), 1)} to {percent(max(accuracies), 1)}",
        number(median_steps(study)),
        number(median(run["seconds"] for run in study.runs)),
    ]


def _course_row(name: str, runs: Sequence[RunRecords]) -> list[str]:
    first_epochs = [epoch for run in runs if (epoch := first_learned(run))]
    return [
        name,
        format_setting(len(runs)),
        mean_and_range([100 * run.result["accuracy"] for run in runs], 1),
        count_of(len(first_epochs), len(runs)),
        number(median(first_epochs)) if first_epochs else "never",
        format_setting(sum(len(lost_epochs(run)) for run in runs)),
        mean_and_range([100 * final_accuracy(run) for run in runs], 1),
        number(median(run.result["seconds"] for run in runs)),
    ]


def _memory_cells(group: StudyRecords) -> list[str]:
    if not group.seeds:
        return ["not run", "", ""]
    learned = count_of(group.learned, group.seeds)
    if not group.runs:
        return [learned, "diverged", ""]
    seconds = number(median(run["seconds"] for run in group.runs))
    return [learned, percent(min(run["accuracy"] for run in group.runs), 1), f"{seconds} s"]


def _second_moment(config: Record) -> str:
    return format_setting(config["rmsprop_alpha" if config["optimizer"] == "rmsprop" else "adam_beta2"])


def _lr_schedule(config: Record) -> str:
    if config["lr_length_exponent"]:
        return f"factor (length to the power {format_setting(-config['lr_length_exponent'])})"
    return f"factor {format_setting(config['lr_step_factor'])} every {config['lr_step_epochs']} epochs"


def _forget_bias(config: Record) -> str:
    return "default" if config["forget_bias_init"] is None else format_setting(config["forget_bias_init"])


def _palindromes(config: Record) -> str:
    data = "new ones for every batch" if config["online_data"] else "fixed set"
    return f"{data}, growing lengths" if config["curriculum_threshold"] else data


SETTINGS: Mapping[str, Callable[[Record], str]] = {
    "input": lambda config: INPUTS[config["input_encoding"]],
    "hidden units": lambda config: format_setting(config["hidden_size"]),
    "batch size, sequences": lambda config: format_setting(config["batch_size"]),
    "samples, training and test": lambda config: format_setting(config["num_samples"]),
    "fraction for training": lambda config: percent(config["train_fraction"]),
    "epochs, at most": lambda config: format_setting(config["epochs"]),
    "learning rate": lambda config: format_setting(config["learning_rate"]),
    "decay of the second moment": _second_moment,
    "maximum gradient norm": lambda config: format_setting(config["max_grad_norm"]),
    "optimiser": lambda config: OPTIMIZERS[config["optimizer"]],
    "learning-rate schedule": _lr_schedule,
    "initial forget bias": _forget_bias,
    "initial recurrent weights": lambda config: "orthogonal" if config["orthogonal_init"] else "default",
    "palindromes": _palindromes,
}
"""Rows of the settings table: name, and text from a config."""
