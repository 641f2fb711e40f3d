"""Claude Code: both instances, which share the processes that may run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from twisted_aigate.claudebox.accounts import NAME, ZAI, make_instance
from twisted_aigate.claudebox.routes import claudebox_routes, errors_for, render_detail
from twisted_aigate.claudebox.routes.tools import tool_callers
from twisted_aigate.claudebox.slots import Slots
from twisted_aigate.claudebox.tools import ClaudeboxTools
from twisted_aigate.claudebox.tree import ClaudeboxTree
from twisted_aigate.interfaces import FigureSource, IChatModels, ToolSource
from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.platform.endpoints import Endpoints
from twisted_aigate.platform.shared import Shared
from twisted_aigate.web.site import Tree


class ClaudeboxPart:
    """
    The instances of Claude Code.

    @param shared: What they are built on.
    @param endpoints: Where endpoints for their tools are made.
    @ivar figures: The figures of those that are on, by name.
    @ivar tools: The tools of those that are on, by their servers' names.
    @ivar models: Those that are on, as chat models, by name.
    @ivar runs_on_gateway: One of them asks the gateway's own models.
    """

    def __init__(self, shared: Shared, endpoints: Endpoints) -> None:
        self._shared = shared
        self._endpoints = endpoints
        settings = shared.settings
        slots = Slots(settings.claudebox.max_processes)
        self._on: dict[str, ClaudeboxTree] = {}
        self._off: dict[str, str] = {}
        for name in (NAME, ZAI):
            instance = make_instance(shared.configuration, name)
            if isinstance(instance, str):
                self._off[name] = instance
                continue
            self._on[name] = ClaudeboxTree(
                shared.reactor,
                shared.configuration,
                instance,
                shared.node,
                shared.database,
                shared.threads,
                slots,
            )
        self.models: Mapping[str, IChatModels] = {
            name: tree.models for name, tree in self._on.items()
        }
        self.figures: Mapping[str, FigureSource] = self._on
        self.tools: Mapping[str, ToolSource] = {
            _server(name): ClaudeboxTools(tree.claudebox, shared.threads, shared.reactor)
            for name, tree in self._on.items()
        }
        self.runs_on_gateway = settings.claudebox.backend == "gateway" and NAME in self._on

    def standing(self) -> list[dict[str, object]]:
        """The runs that are not over, and the last that are; a L{Snapshot}."""
        return [
            {
                "instance": name,
                "id": run.record.id,
                "workspace": run.workspace.name,
                "status": run.status,
                "is_over": run.over.value is not None,
                "created_at": run.record.created_at,
            }
            for name, tree in self._on.items()
            for run in (*tree.claudebox.runs.ended, *tree.claudebox.runs)
        ]

    def trees(self) -> Iterator[Tree]:
        """See L{Part}."""
        # One for both: an address has one allowance.
        limiter = self._shared.limiter("claudebox")
        edge = self._shared.settings.edge
        for name, tree in self._on.items():
            routes = claudebox_routes(tree, edge.max_body_size, int(self._shared.reactor.seconds()))
            api = Tree(
                name.encode("ascii"),
                routes,
                render_detail,
                limiter,
                frozenset(routes.unlimited),
                edge.timeouts.claudebox,
                errors_for,
            )
            callers = tool_callers(name, tree.claudebox.instance.token)
            yield self._endpoints.beside(api, self.tools[_server(name)], callers)
        for name, reason in self._off.items():
            yield self._shared.off_tree(name, f"/{name}/ is off: {reason}.", "claudebox")

    def summary(self) -> Iterator[tuple[str, str | None]]:
        """See L{Part}."""
        for name in self._on:
            yield f"/{name}/", None
        for name, reason in self._off.items():
            yield f"/{name}/", reason

    def check(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def start(self) -> None:
        """See L{Part}."""
        for tree in self._on.values():
            await tree.start()

    def reload(self, configuration: Configuration) -> None:
        """See L{Part}; nothing of it changes without a restart."""

    async def stop(self) -> None:
        """See L{Part}."""
        for tree in self._on.values():
            await tree.stop()


def _server(name: str) -> str:
    # A hyphen ends a server's name in those of its tools.
    return name.replace("-", "_")
