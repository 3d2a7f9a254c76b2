"""Differences of a reproduction from the records, part by part, read from both folders."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

from palingen.gan.evaluation.baselines import file_name
from palingen.report import record_shapes as shapes
from palingen.report.record_files import Record, read_optional
from palingen.report.record_reader import read_records
from palingen.report.records import Records
from palingen.runtime.json_io import Shape
from palingen.runtime.paths import PRETRAINED_DIR
from palingen.workflows.reproduce.comparison import Difference, Verdict, compare_measurements
from palingen.workflows.reproduce.gan import BASELINES
from palingen.workflows.reproduce.gan_measurements import (
    measure_baselines,
    measure_gans,
    measure_interpolation,
    measure_summary,
)
from palingen.workflows.reproduce.measurements import Measurement
from palingen.workflows.reproduce.palindrome_measurements import measure_palindromes

BASELINES_FILE: Shape = {"subsets": int, "rows": {...: shapes.ROW}}

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

ENVIRONMENT = ("processor", "threads", "torch", "python", "system", "device", "engine")
"""Fields of an environment on which the last digits depend."""


@dataclass(frozen=True, kw_only=True)
class PartSummary:
    """Agreement of one part."""

    part: str
    numbers: int
    verdicts: Mapping[Verdict, int]
    """Count of each verdict."""

    environment: str
    """Differences from the environment of the same runs as recorded, as in `threads 2 → 1`."""

    log: Mapping[str, Mapping[str, Any]]
    """Entries of its finished steps."""


@dataclass(frozen=True)
class Comparison:
    """Table of differences."""

    numbers: Sequence[Difference]
    parts: Sequence[PartSummary]

    def outside(self) -> list[Difference]:
        """Numbers that do not agree."""
        return [number for number in self.numbers if number.verdict == "outside"]

    def count_verdicts(self) -> dict[Verdict, int]:
        """Numbers with each verdict, in all parts together."""
        return {verdict: sum(part.verdicts[verdict] for part in self.parts) for verdict in VERDICTS}

    def as_record(self) -> dict[str, Any]:
        """JSON of both tables."""
        return {"parts": [asdict(part) for part in self.parts], "numbers": [asdict(number) for number in self.numbers]}


@dataclass(frozen=True)
class ReportNumbers:
    """Numbers of a report, and the environments of its runs."""

    measurements: Sequence[Measurement]

    environments: Mapping[tuple[str, str], Record]
    """Environment of every run that has one, by part and run."""


def read_recorded(report: Path) -> ReportNumbers:
    """Numbers of the report whose `runs` holds the records.

    Raises:
        DataError: there are no such records, or one is damaged.
    """
    records = read_records(report)
    return ReportNumbers(_measure(report, records, PRETRAINED_DIR), dict(_environments(records)))


def read_reproduced(folder: Path) -> ReportNumbers:
    """Numbers of a reproduction, with new records in `runs`; runs that are not finished are left out.

    Raises:
        DataError: there are no such records, or one is damaged.
    """
    records = _without_shipped_scores(read_records(folder, skip_unfinished=True))
    return ReportNumbers(_measure(folder, records, folder / "runs" / BASELINES), dict(_environments(records)))


def compare_reports(recorded: ReportNumbers, reproduced: ReportNumbers, log: Mapping[str, Record]) -> Comparison:
    """Compare a reproduction with the records.

    Args:
        recorded: the records.
        reproduced: the reproduction.
        log: entries of its finished steps.
    """
    numbers = compare_measurements(recorded.measurements, reproduced.measurements)
    before, after = recorded.environments, reproduced.environments
    parts = []
    for part in dict.fromkeys(number.part for number in numbers):
        verdicts = count_verdicts(numbers, part)
        pairs = [(before[run], after[run]) for run in before if run[0] == part and run in after]
        entries = {step: entry for step, entry in log.items() if step.partition("/")[0] == part}
        changes = _describe_changes(pairs) if pairs else ""
        count = sum(verdicts.values())
        parts.append(PartSummary(part=part, numbers=count, verdicts=verdicts, environment=changes, log=entries))
    return Comparison(numbers, parts)


def count_verdicts(numbers: Sequence[Difference], part: str) -> dict[Verdict, int]:
    """Numbers of a part with each verdict."""
    counts = Counter(number.verdict for number in numbers if number.part == part)
    return {verdict: counts[verdict] for verdict in VERDICTS}


def _measure(report: Path, records: Records, baselines: Path) -> list[Measurement]:
    """Every number of a report that its records determine; the scores of real images are in the folder `baselines`."""
    measurements = [*measure_palindromes(records), *measure_gans(records)]
    if scores := read_optional(baselines / file_name("test"), BASELINES_FILE):
        measurements += measure_baselines(BASELINES, scores)
    if summary := read_optional(report / "runs" / "model_summary.json", shapes.MODEL_SUMMARY):
        measurements += measure_summary("model-summary", summary)
    for path in sorted((report / "runs").glob("interpolation*/predictions.json")):
        measurements += measure_interpolation(path.parent.name, read_optional(path, shapes.PREDICTIONS))
    return measurements


def _without_shipped_scores(records: Records) -> Records:
    """Records without the scores that are shipped with the package, which stand in for those of an unscored run."""
    gans = {
        recipe: gan if gan.score_name.startswith("runs/") else replace(gan, score=None)
        for recipe, gan in records.gans.items()
    }
    return replace(records, gans=gans)


def _environments(records: Records) -> Iterator[tuple[tuple[str, str], Record]]:
    """Environment of every run that has one, by part and run."""
    for run in records.palindromes:
        yield ("palindromes", run.name), run.environment
    changed = [study for studies in records.changed_studies.values() for study in studies.values()]
    for study in filter(None, (records.memory, *changed)):
        for result in study.runs:
            if result["environment"]:
                yield (_part(study.name), f"{study.name} {Path(result['folder']).name}"), result["environment"]
    for gan in filter(None, (*records.gans.values(), *records.gan_repeats.values(), records.stacked)):
        yield (_part(gan.run.name), gan.run.name), gan.run.environment
    if variants := records.variants:
        for result in variants.runs:
            if result["environment"]:
                name = f"{result['recipe']} {result['overrides']} seed {result['seed']}"
                yield (_part(variants.name), name), result["environment"]


def _part(name: str) -> str:
    """Part of a record, as in `runs/memory*/study.json`, which stands for several studies."""
    return name.split("/")[1].rstrip("*")


def _describe_changes(pairs: Sequence[tuple[Record, Record]]) -> str:
    changes = {
        f"{field} {before[field]} → {after[field]}"
        for before, after in (map(_with_gpu_name, pair) for pair in pairs)
        for field in ENVIRONMENT
        if field in before and field in after and before[field] != after[field]
    }
    return ", ".join(sorted(changes)) or "the same"


def _with_gpu_name(environment: Record) -> Record:
    """Environment whose device says which GPU; records of earlier code name no device, and were computed on the CPU."""
    device = str(environment.get("device", "cpu"))
    name = f" ({environment.get('cuda')})" if device.startswith("cuda") else ""
    return {**environment, "device": device + name}
