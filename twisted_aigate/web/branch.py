"""A path in a tree that something else answers, in words of its own."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from twisted_aigate.web.errors import ErrorFormat
from twisted_aigate.web.request import Request
from twisted_aigate.web.site import Renderer, Tree


class _Branch:
    def __init__(self, goes: Callable[[Request], bool], branch: Renderer, rest: Renderer) -> None:
        self._goes = goes
        self._branch = branch
        self._rest = rest

    def render(self, request: Request) -> object:
        return (self._branch if self._goes(request) else self._rest).render(request)


def with_branch(
    tree: Tree, path: bytes, methods: frozenset[bytes], branch: Renderer, errors: ErrorFormat
) -> Tree:
    """
    A tree in which a path has a renderer of its own.

    @param path: It, below the tree's prefix; also with a slash behind it.
    @param methods: Those that go there: of others the tree itself says what is wrong with them.
    @param branch: What renders it.
    @param errors: How errors are worded there.
    """
    paths = (path, path + b"/")

    def goes(request: Request) -> bool:
        return request.subpath in paths and request.method in methods

    def errors_for(request: Request) -> ErrorFormat:
        if goes(request):
            return errors
        return tree.errors if tree.errors_for is None else tree.errors_for(request)

    return evolve(tree, resource=_Branch(goes, branch, tree.resource), errors_for=errors_for)
