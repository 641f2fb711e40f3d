"""Why nothing can be checked with a schema."""


class UncheckableError(Exception):
    """A schema that no value can be checked against; the text says why."""
