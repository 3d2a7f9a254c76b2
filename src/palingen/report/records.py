"""Records as plain JSON and arrays, each with the name of the file it comes from. Every kind of them is optional.

    runs/palindromes/*           run folders of `palingen palindrome train`, recipe course
    runs/memory[-NAME]           study.json of `palingen palindrome study`, recipe memory; several make one study
    runs/memory-analysis         analysis.json of `palingen palindrome analyze` of such runs, or of shipped networks
    runs/ablations/*             study.json of the same study with one setting changed
    runs/orthogonal-init/*       study.json of one cell, with and without orthogonal initialisation
    runs/gru-settings/*          study.json of recipe memory with settings for GRUs
    runs/analysis                analysis.json of `palingen palindrome analyze`
    runs/model_summary.json      layers, shapes and parameters of the networks
    runs/gan-NAME[-seedN]        run folder of a GAN, with its score.json; with another seed than the recipe's
    runs/max-latent-norm/*       score.json of `palingen gan score --reference validation` for several limits
    runs/interpolation[-NAME]    `palingen gan interpolate`
    runs/comparison              study.json of `palingen gan study`
    pretrained/NAME/score.json   score of the weights shipped with the package

B  images      S  points of an interpolation
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from jaxtyping import UInt8
from numpy import ndarray

from palingen.report.record_files import Record

GAN_RECIPES = (
    "course", "public-script", "residual-fast", "residual-game", "residual", "residual-long", "residual-unconditional",
)  # fmt: skip
"""Recipes for single digits, in the order of the tables."""

STAGES = ("start", "middle", "end")
"""Stages of the training at which a GAN's run keeps images."""

LEARNED = 0.99
"""Accuracy on unseen palindromes from which on a seed counts as having learned the task."""

Images = UInt8[ndarray, "B 28 width"]
"""The width is 28, or 84 for three digits side by side."""


@dataclass(frozen=True)
class Strip:
    """Images along an interpolation, with their predicted classes and the classifier's confidences."""

    pixels: UInt8[ndarray, "S 28 28"]
    classes: Sequence[int | str]
    confidences: Sequence[float]


@dataclass(frozen=True)
class RunRecords:
    """Config, environment and records of one run."""

    name: str
    """Its folder under report/."""

    config: Record
    environment: Record
    records: Sequence[Record]

    def of(self, kind: str) -> list[Record]:
        """Records of one kind."""
        return [record for record in self.records if record.get("kind") == kind]

    @property
    def result(self) -> Record:
        """Result record, the last one."""
        return self.of("result")[-1]


@dataclass(frozen=True)
class StudyRecords:
    """Results of a study, each with its own environment (None if unknown)."""

    name: str
    """Its file under report/."""

    config: Record
    """Config of all runs but those with a `config` of their own; empty if there is none."""

    runs: Sequence[Record]
    """Results of the runs that ended."""

    diverged: Sequence[Record] = ()
    """Cell, length and seed of palindrome runs that diverged, and None as their accuracy."""

    def of(self, cell: str, length: int) -> list[Record]:
        """Results of one cell at one length."""
        return _select(self.runs, cell, length)

    def group(self, cell: str, length: int) -> "StudyRecords":
        """Runs of one cell at one length."""
        return replace(self, runs=self.of(cell, length), diverged=_select(self.diverged, cell, length))

    @property
    def seeds(self) -> int:
        """Number of runs, those that diverged included."""
        return len(self.runs) + len(self.diverged)

    @property
    def learned(self) -> int:
        """Number of runs that learned the task."""
        return sum(run["accuracy"] >= LEARNED for run in self.runs)

    def lengths(self, *cells: str) -> list[int]:
        """Lengths of the palindromes that the given cells, or all, were trained on, ascending."""
        runs = (*self.runs, *self.diverged)
        return sorted({run["length"] for run in runs if not cells or run["cell"] in cells})

    @property
    def threads(self) -> int | None:
        """Threads of each run; None if they are unknown or differ."""
        threads = {(run.get("environment") or {}).get("threads") for run in self.runs}
        return threads.pop() if len(threads) == 1 else None


def _select(runs: Sequence[Record], cell: str, length: int) -> list[Record]:
    return [run for run in runs if (run["cell"], run["length"]) == (cell, length)]


@dataclass(frozen=True)
class GanRecords:
    """A GAN's run, with its images, score and interpolations where there are any."""

    run: RunRecords

    snapshots: Mapping[str, Images]
    """Images from the same latents by stage."""

    score: Record | None
    score_name: str

    interpolations: Mapping[str, Strip] = field(default_factory=dict)
    interpolations_name: str = ""


@dataclass(frozen=True)
class Records:
    """All records of a report; None or empty where there are none."""

    palindromes: Sequence[RunRecords] = ()
    memory: StudyRecords | None = None
    ablations: Mapping[str, StudyRecords] = field(default_factory=dict)
    orthogonal_init: Mapping[str, StudyRecords] = field(default_factory=dict)
    """Studies `CELL-with` and `CELL-without` orthogonal initialisation."""

    gru_settings: Mapping[str, StudyRecords] = field(default_factory=dict)
    """Studies of GRUs of one length with settings of their own."""

    analysis: Sequence[Record] = ()
    """Analyses of networks of recipe course."""

    memory_analysis: Sequence[Record] = ()
    """Analyses of networks of recipe memory."""

    model_summary: Record | None = None
    gans: Mapping[str, GanRecords] = field(default_factory=dict)
    """Single-digit GANs by recipe, in the order of `GAN_RECIPES`."""

    gan_repeats: Mapping[str, GanRecords] = field(default_factory=dict)
    """Trainings of the same recipes with other seeds, by recipe and seed, as in `residual-seed1`."""

    max_latent_norms: Sequence[Record] = ()
    """Scores on the validation part for several maximum latent norms, none first, then descending."""

    stacked: GanRecords | None = None
    variants: StudyRecords | None = None

    def repeats_of(self, recipe: str) -> list[GanRecords]:
        """Trainings of a recipe with other seeds."""
        return [gan for name, gan in self.gan_repeats.items() if recipe_of(name) == recipe]

    def course_runs(self, cell: str, length: int) -> list[RunRecords]:
        """Palindrome runs of recipe course, of one cell at one length."""
        return [run for run in self.palindromes if (run.result["cell"], run.result["length"]) == (cell, length)]

    @property
    def changed_studies(self) -> dict[str, Mapping[str, StudyRecords]]:
        """Studies of recipe memory with something changed, by their folder in `runs`."""
        return {
            "ablations": self.ablations,
            "orthogonal-init": self.orthogonal_init,
            "gru-settings": self.gru_settings,
        }

    @property
    def course_lengths(self) -> list[int]:
        """Lengths of the palindrome runs of recipe course, ascending."""
        return sorted({run.result["length"] for run in self.palindromes})


def recipe_of(name: str) -> str:
    """Recipe in the name of a training, which may end with its seed, as in `residual-seed1`."""
    return name.partition("-seed")[0]
