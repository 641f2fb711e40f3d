"""How pytest-xdist hands the tests to its workers."""

from __future__ import annotations

import re

import pytest
from xdist.scheduler import LoadScopeScheduling

_HEAVY = re.compile(
    r"tests/(end_to_end/test_(admin_page|browser_\w+|crowd|local_models|storage_crash)"
    r"|gateway/local/test_\w+_engines?)\.py"
)
"""What takes all cores there are: browsers, models, a thousand streams."""


def share_of(nodeid: str) -> str:
    """What a test is handed out with: its module, or the heavy ones, which run in turn."""
    module = nodeid.split("::")[0]
    return "heavy" if _HEAVY.fullmatch(module) else module


def place(item: pytest.Item) -> int:
    """Where a test stands: what takes long comes first, so that no worker is last with it."""
    if share_of(item.nodeid) == "heavy":
        return 0
    return 1 if item.nodeid.startswith("tests/end_to_end/") else 2


class ModuleScheduling(LoadScopeScheduling):
    """A module's tests stay together, and with them the server that they share."""

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)
