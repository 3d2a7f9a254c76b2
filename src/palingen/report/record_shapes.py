"""Shapes of the records that figures and report read: the keys that they need, and the types of their values."""

from palingen.runtime.json_io import Shape

OPTIONAL = (float, None)
"""A number, or none."""

PALINDROME_CONFIG: Shape = {
    "length": int, "num_samples": int, "train_fraction": float, "input_encoding": str, "online_data": bool,
    "cell": str, "hidden_size": int, "forget_bias_init": OPTIONAL, "orthogonal_init": bool, "batch_size": int,
    "epochs": int, "optimizer": str, "learning_rate": float, "rmsprop_alpha": float, "adam_beta2": float,
    "max_grad_norm": float, "lr_step_epochs": int, "lr_step_factor": float, "lr_length_exponent": float,
    "curriculum_threshold": OPTIONAL, "seed": int,
}  # fmt: skip

GAN_CONFIG: Shape = {
    "data": str, "architecture": str, "batchnorm_eps": float, "loss": str, "penalty": (str, None), "batch_size": int,
    "epochs": int, "learning_rate": float, "lr_final_ratio": float, "beta1": float, "beta2": float,
    "beta2_final": OPTIONAL, "precision": str, "seed": int,
}  # fmt: skip

CONFIGS: dict[str, Shape] = {"PalindromeConfig": PALINDROME_CONFIG, "GanConfig": GAN_CONFIG}
"""Shape of a config by its kind."""

ENVIRONMENT: Shape = {
    "command": (str, None), "python": str, "torch": str, "system": str, "processor": str, "threads": (int, None),
}  # fmt: skip

MEANS: Shape = dict.fromkeys(("generator_loss", "discriminator_loss", "real_accuracy", "fake_accuracy"), float)
"""Metrics of the GAN's steps."""

PALINDROME_RESULT: Shape = {
    "cell": str, "length": int, "seed": int, "accuracy": float, "loss": float, "epoch": int, "seconds": float,
}  # fmt: skip

RECORDS: dict[str, dict[str, Shape]] = {
    "PalindromeConfig": {
        "epoch": {"epoch": int, "loss": float, "accuracy": float, "test_accuracy": float},
        "result": PALINDROME_RESULT,
    },
    "GanConfig": {
        "step": {"step": int, "epoch": float, **MEANS},
        "monitor": (
            {"epoch": int, "fd": float, "coverage": float, "recall": float},
            {"epoch": int, "modes": int, "reverse_kl": float},
        ),
        "result": {"epochs": int, "seconds": float, **MEANS},
    },
}
"""Shape of each kind of records of a run, by the kind of its config."""

PALINDROME_STUDY: Shape = {
    "config": PALINDROME_CONFIG,
    "runs": [{**PALINDROME_RESULT, "steps": int, "environment": (ENVIRONMENT, None)}],
}

DIVERGED: Shape = [{"cell": str, "length": int, "seed": int, "accuracy": None}]
"""Runs of a palindrome study that diverged; studies without any may leave them out."""

STUDY_SCORE: Shape = {
    "n": int, "fd": float, "kid": OPTIONAL, "precision": float, "recall": float, "density": float, "coverage": float,
    "class_tv": float, "mean_confidence": float, "nearest_train_ratio": OPTIONAL, "class_accuracy": OPTIONAL,
}  # fmt: skip
"""Score of one run of a study. Runs that are not shipped keep a score from before a metric was defined as it is now."""

SCORE: Shape = {**STUDY_SCORE, "fd_second": OPTIONAL, "low_confidence_fraction": OPTIONAL}
"""Mean score of several sets of images."""

SCORE_STD: Shape = {**SCORE, "n": float}
"""Standard deviation of each metric."""

GAN_STUDY: Shape = {
    "runs": [
        {
            "recipe": str, "overrides": dict, "seed": int, "epochs": int, "seconds": OPTIONAL,
            "score": (STUDY_SCORE, None), "config": GAN_CONFIG, "environment": (ENVIRONMENT, None),
        }
    ]
}  # fmt: skip

ROW: Shape = {**SCORE, "std": (SCORE_STD, {})}
"""Mean and standard deviation of a score; none for a single set."""

SCORE_FILE: Shape = {
    **ROW, "reference": str, "fd_floor": float, "fd_floor_std": OPTIONAL, "floor_subsets": int,
    "fd_second_floor": OPTIONAL, "low_confidence_threshold": float, "low_confidence_reference": OPTIONAL,
    "repeats": int, "max_latent_norm": OPTIONAL, "rows": {"floor": ROW, ...: ROW},
}  # fmt: skip
"""A score.json: the mean over several sets of latents, and a row for each set of images."""

STACKED_SCORE_FILE: Shape = {
    "n": int, "modes": int, "reverse_kl": float, "modes_floor": int, "reverse_kl_floor": float,
}  # fmt: skip
"""A score.json of a generator of three digits at once."""

SIZE = range(1, 10**9)

NORMS: Shape = {"h": [float], ...: [float]}
"""Gradient norm at every recorded step, for each part of the state."""

ANALYSES: Shape = [
    {
        "label": str, "cell": str, "length": int, "steps": [SIZE], "digits": [int], "gates": {...: [[float]]},
        "untrained": NORMS, "trained": NORMS, "half_lives": [float],
        "recall": [{"length": SIZE, "palindromes": SIZE, "accuracy": float}],
    }
]  # fmt: skip
"""An analysis.json; a gate has a row of units at every recorded step."""

LAYERS: Shape = [{"name": str, "shape": [SIZE, ...], "weights": int}, ...]

CELLS: Shape = dict.fromkeys(("rnn", "lstm", "gru", "peephole"), SIZE)

MODEL_SUMMARY: Shape = {
    "palindromes": {"course": CELLS, "memory": CELLS},
    "gan": {
        ...: {
            "latents": SIZE, "classes": int, "generator": LAYERS, "discriminator": LAYERS,
            "generator_weights": SIZE, "discriminator_weights": SIZE,
        }
    },
}  # fmt: skip
"""A model_summary.json: parameters of each cell, and the layers of each recipe's networks."""

PREDICTIONS: Shape = {...: {"classes": [int], "confidences": [float]}}
"""A predictions.json: classes along each interpolation."""
