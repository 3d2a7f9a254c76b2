"""Made-up records of the parts of the report that are run later: shapes and names as they will be, invented numbers."""

import json
import random
from pathlib import Path

import numpy as np
from conftest import ROOT

LOSSES = ("minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic")
ARMS = [
    *(("course", {"loss": loss} if loss != "non-saturating" else {}) for loss in LOSSES),
    ("course", {"beta1": 0.5}),
    ("course", {"loss": "relativistic", "penalty": "r1-r2", "average_steps": 500}),
    ("course", {"precision": "bfloat16"}),
    ("course", {"batch_size": 256}),
    ("course", {"batch_size": 1024}),
    ("course", {"learning_rate_decay": 0.1}),
    ("course", {"pair": "conv"}),
    ("public-script", {}),
    ("public-script", {"batchnorm_eps": 1e-5}),
]


def make(folder: Path) -> tuple[Path, Path]:
    """A report's folder with every record there can be, and the folder of scores that goes with it."""
    runs, scores = folder / "runs", folder / "pretrained"
    runs.mkdir(parents=True)
    for kept in (ROOT / "report" / "runs").iterdir():
        (runs / kept.name).symlink_to(kept)
    course = ROOT / "src" / "palingen" / "pretrained" / "course" / "score.json"
    for name in ("residual", "residual-unconditional"):
        _game(runs, name)
        _score(scores / name / "score.json", json.loads(course.read_text()), name)
    _score(runs / "gan-residual" / "untruncated" / "score.json", json.loads(course.read_text()), "residual")
    (scores / "course").mkdir()
    (scores / "course" / "score.json").symlink_to(course)
    _game(runs, "public-script", epochs=200)
    _score(runs / "gan-public-script" / "score.json", json.loads(course.read_text()), "public-script")
    _game(runs, "stacked")
    counted = {"n": 26_000, "modes": 998, "reverse_kl": 0.07, "modes_floor": 1000, "reverse_kl_floor": 0.03}
    (runs / "gan-stacked" / "score.json").write_text(json.dumps(counted))
    _walks(runs / "between-residual", runs / "between")
    _comparison(runs / "comparison" / "study.json")
    return folder, scores


def _fresh(path: Path) -> Path:
    if path.is_symlink():
        path.unlink()
    path.mkdir(parents=True)
    return path


def _game(runs: Path, name: str, epochs: int = 25) -> None:
    folder = _fresh(runs / f"gan-{name}")
    config = json.loads((runs / "gan-course" / "config.json").read_text())
    config |= {"pair": "residual", "conditional": name == "residual", "loss": "relativistic", "penalty": "r1-r2"}
    config |= {"gamma": 0.1, "gamma_decay": 0.1, "learning_rate_decay": 0.1, "average_steps": 500, "beta2_end": 0.99}
    config |= {"precision": "bfloat16", "epochs": epochs, "latent_dim": 64, "batch_size": 128, "beta1": 0.0}
    config |= {"truncation": 1.04}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "environment.json").write_text((runs / "gan-course" / "environment.json").read_text())
    step = {"generator_loss": 0.7, "discriminator_loss": 0.7, "real_accuracy": 0.6, "fake_accuracy": 0.5}
    records = [{"kind": "step", "step": 100 * n, "epoch": n / 4, **step} for n in range(1, 101)]
    for epoch in (1, 2, 5, 10, 20, 25):
        watched = {"fd": 60 / epoch + 5, "coverage": 1 - 0.5 / epoch, "recall": 1 - 0.6 / epoch, "class_tv": 0.02}
        records.append({"kind": "watch", "epoch": epoch, "n": 2000, "against": "training images", **watched})
    records.append({"kind": "result", "epochs": 25, "steps": 10_000, "seed": 0, "seconds": 2000.0, **step})
    (folder / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    for moment in ("start", "middle", "end"):
        np.save(folder / f"{moment}.npy", np.load(runs / "gan-course" / f"{moment}.npy"))


def _score(path: Path, score: dict, name: str) -> None:
    better = {"fd": 6.5, "kid": 20.0, "recall": 0.9, "coverage": 0.93, "class_tv": 0.02, "confidence": 0.99}
    better["agreement"] = 0.995 if name == "residual" else None
    rows = {name: score["rows"].pop("course") | better, **score["rows"]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(score | better | {"rows": rows}))


def _walks(folder: Path, like: Path) -> None:
    _fresh(folder)
    for path in like.iterdir():
        (folder / path.name).symlink_to(path.resolve())


def _comparison(path: Path) -> None:
    chance = random.Random(0)
    runs = []
    for place, (recipe, changes) in enumerate(ARMS):
        for seed in range(3):
            score = {"fd": 40 + 30 * place + chance.uniform(-5, 5), "kid": 90.0, "precision": 0.9, "density": 0.9}
            score |= {"recall": 0.7, "coverage": 0.6, "class_tv": 0.1, "confidence": 0.96, "agreement": None}
            score |= {"n": 10_000}
            about = {"recipe": recipe, "changes": changes, "seed": seed, "epochs": 25, "seconds": 500.0}
            runs.append({**about, "score": score})
    _fresh(path.parent)
    runs[3] |= {"score": None, "seconds": None, "stopped": "a loss is no longer finite"}
    path.write_text(json.dumps({"config": {}, "environment": {}, "runs": runs}))
