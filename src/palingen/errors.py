"""What a person can put right, and what they asked for: both end a command with one line and no traceback."""


class PalingenError(Exception):
    """Bad input or a bad place to write, said in one line. The command line turns it into exit code 2."""


class ConfigError(PalingenError, ValueError):
    """A field of a config has a value it cannot have."""


class DataError(PalingenError):
    """A data file is missing, damaged or not what its name says."""


class RunError(PalingenError):
    """A run folder is taken, damaged or holds something else than was asked for."""


class Diverged(RunError):  # noqa: N818 (nobody made an error)
    """A loss is no longer a finite number."""


class Interrupted(Exception):  # noqa: N818 (nothing went wrong)
    """The person pressed Ctrl-C; everything up to here is saved. The command line turns it into exit code 130."""
