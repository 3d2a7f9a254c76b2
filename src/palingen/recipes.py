"""Named experiments. Every number in the report traces to one of these, or to flags beside it."""

from dataclasses import replace

from palingen.gan.config import GanConfig
from palingen.gan.evaluation.classifier_training import ClassifierConfig
from palingen.recurrence.config import PalindromeConfig

PALINDROME = {
    "course": PalindromeConfig(),
    # One recipe for every length: short palindromes first, forget gates that start open.
    "memory": PalindromeConfig(
        input_encoding="one-hot",
        online_data=True,
        hidden_size=64,
        forget_bias_init=3.0,
        orthogonal_init=True,
        batch_size=64,
        epochs=30,
        optimizer="adam",
        learning_rate=2e-3,
        max_grad_norm=1.0,
        lr_length_exponent=0.5,
        curriculum_threshold=0.99,
        early_stop_accuracy=0.999,
    ),
}

# What each setting brought is in docs/quality-search.md. The final penalty weight trades class accuracy against recall.
RESIDUAL_GAME = GanConfig(
    latent_dim=64,
    architecture="residual",
    generator_output="linear",
    conditional=True,
    loss="relativistic",
    penalty="r1-r2",
    penalty_weight=1.0,
    penalty_weight_final_ratio=0.03,
    batch_size=64,
    epochs=50,
    learning_rate=1e-3,
    lr_final_ratio=0.1,
    schedule="geometric",
    warmup_fraction=0.02,
    beta1=0.0,
    beta2=0.9,
    beta2_final=0.99,
    ema_half_life=1000,
    precision="bfloat16",
)
"""The adversarial game alone: residual networks, and a relativistic loss with R1 and R2, which converges (Huang et al.
2024)."""

RESIDUAL = replace(RESIDUAL_GAME, epochs=44, frechet_steps=2345, frechet_learning_rate=2e-4, output_gain=1.02)
"""Quality recipe: in the last 2.5 epochs the generator also matches features of the training images. The gain makes
nearly black pixels black when images are sampled."""

UNCONDITIONAL = replace(RESIDUAL, conditional=False, generator_output="tanh", output_gain=1.0)
"""Quality recipe without classes, where tanh brings more variety."""

GAN = {
    "course": GanConfig(),
    # The widely copied script trains the same networks, but passes 0.8 as BatchNorm's second argument, which is eps.
    "public-script": GanConfig(beta1=0.5, batchnorm_eps=0.8, discriminator_loss_weight=0.5),
    "demo": GanConfig(epochs=4, beta1=0.5, save_interval=200),
    "residual-fast": replace(RESIDUAL, generator_output="tanh", output_gain=1.0, epochs=13, frechet_steps=938),
    "residual-game": RESIDUAL_GAME,
    "residual": RESIDUAL,
    "residual-long": replace(RESIDUAL, epochs=56, frechet_steps=5628),
    "residual-unconditional": UNCONDITIONAL,
    # Three digits as the channels of one image. An epoch has four times as many images.
    "stacked": replace(UNCONDITIONAL, data="stacked", epochs=8, frechet_steps=1876),
}

MAX_LATENT_NORM: dict[str, float] = {}
"""Maximum latent norm when sampling, in units of sqrt(Z), for the recipes that limit it. None does: on the validation
part every limit tried for `residual` costs recall (report/runs/max-latent-norm)."""

CLASSIFIER = {
    "first": ClassifierConfig(),
    # Of another architecture, with other inputs and another seed; it only reports.
    "second": ClassifierConfig(
        architecture="residual", shift=1, rotation=12.0, zoom=0.1, half_precision=True, epochs=6, seed=1
    ),
}
"""Classifiers that scores are computed with."""

DEMO_PALINDROMES = (
    PalindromeConfig(cell="rnn", length=5, epochs=15),
    PalindromeConfig(cell="lstm", length=5, epochs=15),
    PalindromeConfig(cell="rnn", length=20, epochs=30, lr_step_epochs=24),
    PalindromeConfig(cell="lstm", length=20, epochs=30, lr_step_epochs=24),
)
"""RNN and LSTM at a length at which both learn the task, and at one at which only the LSTM does."""
