"""Answers that must fit a JSON schema: whether they do."""
