"""Every named experiment, as values; every number in a report traces to one of these or to flags beside it."""

from palingen.adversarial.judge import JudgeRun
from palingen.adversarial.train import GanRun
from palingen.recurrence.train import PalindromeRun

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

GAN = {
    "course": GanRun(),
    # What the widely copied script does with the same networks: it passes 0.8 in the place of BatchNorm's eps.
    "public-script": GanRun(beta1=0.5, batchnorm_eps=0.8, discriminator_scale=0.5),
    "demo": GanRun(epochs=4, beta1=0.5, save_interval=200),
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
