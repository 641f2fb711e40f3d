"""A path in a tree that something else answers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.web.branch import with_branch
from twisted_aigate.web.off import render_json_error
from twisted_aigate.web.site import Tree


class _Named:
    def __init__(self, name: str) -> None:
        self._name = name

    def render(self, request: Any) -> object:
        return self._name


def _no_errors(error: Exception, request_id: str) -> None:
    return None


class BranchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.tree = with_branch(
            Tree(b"x", _Named("tree"), render_json_error, None, frozenset(), 1.0),
            b"/mcp",
            frozenset((b"POST",)),
            _Named("branch"),
            _no_errors,
        )

    def asked(self, method: bytes, path: bytes) -> tuple[object, object]:
        """Who renders it, and who words its errors."""
        request: Any = SimpleNamespace(method=method, subpath=path)
        assert self.tree.errors_for is not None
        return self.tree.resource.render(request), self.tree.errors_for(request)

    def test_its_path_goes_there(self) -> None:
        for path in (b"/mcp", b"/mcp/"):
            self.assertEqual(self.asked(b"POST", path), ("branch", _no_errors))

    def test_other_paths_are_the_trees(self) -> None:
        for path in (b"/mcpx", b"/mcp/x", b"/"):
            self.assertEqual(self.asked(b"POST", path), ("tree", render_json_error))

    def test_other_methods_are_the_trees(self) -> None:
        self.assertEqual(self.asked(b"PUT", b"/mcp"), ("tree", render_json_error))
