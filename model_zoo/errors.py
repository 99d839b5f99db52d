"""The exceptions that are shown to people as a sentence instead of a stack trace."""

#: Exit status of a process that met something that is away for now: EX_TEMPFAIL of sysexits.h.
AWAY_STATUS = 75


class UserError(Exception):
    """Bad input: says what was wrong, which value, what to do."""


class Unavailable(UserError):
    """Network, database or storage are away for now: nobody's mistake, and worth another try."""
