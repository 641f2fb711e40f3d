"""C{aigate keys}: virtual keys of a running server."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from twisted_aigate.cli.table import CommandFailed, table

if TYPE_CHECKING:
    from twisted_aigate.cli.server import Server

_PAGE = 100
_KEY_OR_HASH = re.compile(r"sk-.+|[0-9a-f]{64}")
_HEADS = ("ALIAS", "KEY", "STATE", "SPEND", "BUDGET", "LIMITS", "MODELS", "EXPIRES", "HASH")
_LIMITS = (("rpm_limit", "rpm"), ("tpm_limit", "tpm"), ("max_parallel_requests", "at once"))
_FIELDS = {
    "alias": ("key_alias", str, "its name"),
    "max-budget": ("max_budget", float, "dollars that it may spend"),
    "budget-duration": ("budget_duration", str, "in which it may spend them: 30d, 1mo"),
    "rpm": ("rpm_limit", int, "calls a minute"),
    "tpm": ("tpm_limit", int, "tokens a minute"),
    "parallel": ("max_parallel_requests", int, "calls at once"),
    "duration": ("duration", str, "how long it is valid: 30d"),
    "user-id": ("user_id", str, "whose it is"),
    "team-id": ("team_id", str, "whose team's it is"),
}
"""Options of C{generate}: the field that each is, its type, what it means."""

Asked = Callable[["Server", Namespace], Awaitable[str]]


def add_parser(commands: Any) -> None:
    """Add the command to those of C{aigate}."""
    parser = commands.add_parser("keys", help="virtual keys of a running server")
    actions = parser.add_subparsers(dest="action", required=True)

    def action(name: str, help: str, ask: Asked) -> ArgumentParser:
        added: ArgumentParser = actions.add_parser(name, help=help)
        added.add_argument("--url", help="where the server is, if not on this machine")
        added.add_argument("--json", action="store_true", help="print what the server answers")
        added.set_defaults(ask=ask)
        return added

    listing = action("list", "all of them, the newest first", _list)
    for name in ("user-id", "team-id"):
        listing.add_argument(f"--{name}", help="only theirs")
    generating = action("generate", "make one; it is shown once", _generate)
    for name, (_, kind, help) in _FIELDS.items():
        generating.add_argument(f"--{name}", type=kind, help=help)
    generating.add_argument("--models", help="names or patterns, separated by commas")
    generating.add_argument("--mcp-servers", help="whose tools it may use, separated by commas")
    one = "the key, its hash, or its alias"
    action("info", "one of them", _info).add_argument("key", help=one)
    action("block", "let one open nothing", _block).add_argument("key", help=one)
    action("unblock", "let it open again what it did", _unblock).add_argument("key", help=one)
    action("delete", "delete some", _delete).add_argument(
        "keys", nargs="+", metavar="key", help=one
    )


async def _list(server: Server, asked: Namespace) -> str:
    wanted = {"user_id": asked.user_id, "team_id": asked.team_id}
    keys = await _found(server, {name: value for name, value in wanted.items() if value})
    if asked.json:
        return _json(keys)
    return _table(keys) if keys else "There are no keys: aigate keys generate makes one."


async def _found(server: Server, wanted: dict[str, str]) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = []
    page, pages = 1, 1
    while page <= pages:
        query = {**wanted, "page": page, "size": _PAGE, "return_full_object": "true"}
        answer = await server.call("GET", f"/key/list?{urlencode(query)}")
        keys += answer["keys"]
        page, pages = page + 1, answer["total_pages"]
    return keys


async def _generate(server: Server, asked: Namespace) -> str:
    body: dict[str, Any] = {}
    for name, (field, _, _) in _FIELDS.items():
        value = getattr(asked, name.replace("-", "_"))
        if value is not None:
            body[field] = value
    if asked.models:
        body["models"] = _texts(asked.models)
    if asked.mcp_servers:
        body["allowed_mcp_servers"] = _texts(asked.mcp_servers)
    made = await server.call("POST", "/key/generate", body)
    return _json(made) if asked.json else str(made["key"])


def _texts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


async def _named(server: Server, key: str) -> str:
    """The key or the hash that is meant."""
    if _KEY_OR_HASH.fullmatch(key):
        return key
    found = await _found(server, {"key_alias": key})
    if not found:
        raise CommandFailed(f"there is no key with the alias {key!r}")
    return str(found[0]["token"])


async def _info(server: Server, asked: Namespace) -> str:
    query = urlencode({"key": await _named(server, asked.key)})
    answer = await server.call("GET", f"/key/info?{query}")
    if asked.json:
        return _json(answer["info"])
    return "\n".join(f"{name}: {_shown(value)}" for name, value in answer["info"].items())


async def _block(server: Server, asked: Namespace) -> str:
    return await _blocked(server, asked, "block")


async def _unblock(server: Server, asked: Namespace) -> str:
    return await _blocked(server, asked, "unblock")


async def _blocked(server: Server, asked: Namespace, action: str) -> str:
    body = {"key": await _named(server, asked.key)}
    changed = await server.call("POST", f"/key/{action}", body)
    return _json(changed) if asked.json else _table([changed])


async def _delete(server: Server, asked: Namespace) -> str:
    keys = [await _named(server, key) for key in asked.keys]
    answer = await server.call("POST", "/key/delete", {"keys": keys})
    return _json(answer) if asked.json else f"deleted: {len(answer['deleted_keys'])}"


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode("utf-8")


def _shown(value: object) -> str:
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode("utf-8")
    return str(value)


def _table(keys: list[dict[str, Any]]) -> str:
    return table(_HEADS, [_row(key) for key in keys])


def _row(key: dict[str, Any]) -> tuple[str, ...]:
    budget = "-" if key["max_budget"] is None else f"${key['max_budget']:.2f}"
    if key["budget_duration"] is not None:
        budget += f"/{key['budget_duration']}"
    limits = [f"{key[name]} {unit}" for name, unit in _LIMITS if key[name] is not None]
    return (
        key["key_alias"] or "-",
        key["key_name"] or "-",
        "blocked" if key["blocked"] else "open",
        f"${key['spend']:.4f}",
        budget,
        ", ".join(limits) or "-",
        ", ".join(key["models"]) or "all",
        (key["expires"] or "-")[:10],
        key["token"],
    )
