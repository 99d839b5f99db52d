"""The one exception that is shown to people as a sentence instead of a stack trace."""


class UserError(Exception):
    """Bad input or an unavailable resource: says what was wrong, which value, what to do."""
