"""palingen: two small laboratories, one for recurrent memory and one for adversarial imagination."""

from importlib.metadata import version

__version__ = version("palingen")
