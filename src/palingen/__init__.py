"""palingen: two small laboratories, one for recurrent memory and one for adversarial imagination.

from palingen import load
images = load("course").sample(25)    # [25, 1, 28, 28], grey levels from 0 to 1
"""

from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from palingen.adversarial.trained import Trained

__version__ = version("palingen")


def load(name: str) -> "Trained":
    """A trained generator by its name (`course`) or its run folder, ready to `.sample(count, seed, classes)`.

    Raises:
        PalingenError: there is no such generator.
    """
    from palingen.adversarial.trained import load  # torch is loaded only when it is needed

    return load(name)
