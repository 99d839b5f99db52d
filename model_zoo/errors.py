"""The exceptions that are shown to people as a sentence instead of a stack trace."""

#: Exit status of a process that met something that is away for now: EX_TEMPFAIL of sysexits.h.
AWAY_STATUS = 75
MISTAKE_STATUS = 2


class UserError(Exception):
    """Bad input: says what was wrong, which value, what to do."""


class Unavailable(UserError):
    """Network, database or storage cannot be used.

    Attributes:
        passes: they are away for now: nobody's mistake, and worth another try. False: they stay
            so until somebody does what the sentence says.
    """

    passes = True


def exit_status(error: UserError) -> int:
    """Of a process that ends with this error."""
    return AWAY_STATUS if isinstance(error, Unavailable) and error.passes else MISTAKE_STATUS
