"""A path in a tree that something else answers, in words of its own."""

from __future__ import annotations

from attrs import evolve

from twisted_aigate.web.errors import ErrorFormat
from twisted_aigate.web.request import Request
from twisted_aigate.web.site import Renderer, Tree


class _Branch:
    def __init__(self, paths: tuple[bytes, ...], branch: Renderer, rest: Renderer) -> None:
        self._paths = paths
        self._branch = branch
        self._rest = rest

    def render(self, request: Request) -> object:
        return (self._branch if request.subpath in self._paths else self._rest).render(request)


def with_branch(tree: Tree, path: bytes, branch: Renderer, errors: ErrorFormat) -> Tree:
    """
    A tree in which a path has a renderer of its own.

    @param path: It, below the tree's prefix; also with a slash behind it.
    @param branch: What renders it.
    @param errors: How errors are worded there.
    """
    paths = (path, path + b"/")

    def errors_for(request: Request) -> ErrorFormat:
        if request.subpath in paths:
            return errors
        return tree.errors if tree.errors_for is None else tree.errors_for(request)

    return evolve(tree, resource=_Branch(paths, branch, tree.resource), errors_for=errors_for)
