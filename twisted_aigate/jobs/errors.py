"""What can go wrong with jobs."""

from __future__ import annotations


class NoSuchJob(Exception):
    """There is no such job, or it is another's."""


class NoResponse(Exception):
    """The job is over, and there is no response to give out."""
