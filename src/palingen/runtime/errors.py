"""User-facing errors and interrupts. The command line turns each into one line and an exit code."""


class PalingenError(Exception):
    """Bad input, or a place that cannot be written. Exit code 2."""


class ConfigError(PalingenError, ValueError):
    """Invalid value of a config field or of an argument."""


class DataError(PalingenError):
    """Missing or damaged data file."""


class RunError(PalingenError):
    """Run folder that is in use, damaged, or holds a different run."""


class DivergenceError(RunError):
    """Loss that is no longer a finite number."""


class Interrupted(Exception):  # noqa: N818 (a request, not an error)
    """Ctrl-C, after everything up to here was saved. Exit code 130."""
