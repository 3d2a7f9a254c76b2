"""Every named experiment, as values; every number in a report traces to one of these or to flags beside it."""

from dataclasses import replace

from palingen.adversarial.experiment import GanRun
from palingen.adversarial.judge import JudgeRun
from palingen.recurrence.experiment import PalindromeRun

PALINDROME = {
    "course": PalindromeRun(),
    # One recipe for every length: short palindromes first, and units that keep what they hold.
    "memory": PalindromeRun(
        encoding="one-hot",
        hidden=64,
        batch_size=64,
        epochs=30,
        optimizer="adam",
        alpha=0.999,
        learning_rate=2e-3,
        length_decay=0.5,
        max_norm=1.0,
        forget_bias=3.0,
        orthogonal=True,
        stream=True,
        curriculum=0.99,
        stop_at=0.999,
    ),
}

RESIDUAL = GanRun(
    pair="residual",
    conditional=True,
    loss="relativistic",
    penalty="r1-r2",
    gamma=1.0,
    gamma_decay=0.03,
    latent_dim=64,
    truncation=1.04,
    batch_size=64,
    epochs=50,
    learning_rate=1e-3,
    learning_rate_decay=0.1,
    warm_up=0.02,
    beta1=0.0,
    beta2=0.9,
    beta2_end=0.99,
    average_steps=500,
    precision="bfloat16",
)
"""Quality and variety: a game that converges (Huang et al. 2024), averaged. Gamma's end and the truncation weigh
likeness to the class against recall."""

UNCONDITIONAL = replace(RESIDUAL, conditional=False, truncation=0.0)

GAN = {
    "course": GanRun(),
    # What the widely copied script does with the same networks: it passes 0.8 in the place of BatchNorm's eps.
    "public-script": GanRun(beta1=0.5, batchnorm_eps=0.8, discriminator_scale=0.5),
    "demo": GanRun(epochs=4, beta1=0.5, save_interval=200),
    "residual": RESIDUAL,
    "residual-unconditional": UNCONDITIONAL,
    # Three digits in the channels of one image: 1000 kinds. An epoch has four times as many examples.
    "stacked": replace(UNCONDITIONAL, data="stacked", epochs=9),
}

JUDGE = {
    "shipped": JudgeRun(),
}

DEMO_PALINDROMES = (
    PalindromeRun(cell="rnn", length=5, epochs=15),
    PalindromeRun(cell="lstm", length=5, epochs=15),
    PalindromeRun(cell="rnn", length=20, epochs=30, decay_every=24),
    PalindromeRun(cell="lstm", length=20, epochs=30, decay_every=24),
)
"""Both cells where both succeed, and where only one does."""
