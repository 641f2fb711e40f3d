"""
Who spent what, over HTTP, in LiteLLM's words.

Source: https://docs.litellm.ai/docs/proxy/cost_tracking and LiteLLM's own endpoints.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from twisted_aigate.gateway.accounting.money import to_dollars
from twisted_aigate.gateway.accounting.reports import Days, Row, SpendFilter, SpendReports
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.keys.models import PREFIX, token_of
from twisted_aigate.gateway.routes.arguments import day, number, text, time
from twisted_aigate.gateway.routes.callers import masters_only
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

_USUAL_ROWS = 1000
_MOST_ROWS = 10_000


class SpendRoutes:
    """
    Reports.

    @param reports: The reports.
    """

    def __init__(self, reports: SpendReports) -> None:
        self._reports = reports

    def add_to(self, router: Router, prefix: str, authorise: Authorise[Caller]) -> None:
        """
        Add the routes.

        @param prefix: Before each path.
        @param authorise: Says who calls.
        """
        master = masters_only(authorise)
        router.add("GET", prefix + "/spend/logs", self._logs, master)
        router.add("GET", prefix + "/global/spend", self._total, master)
        router.add("GET", prefix + "/global/spend/keys", self._keys, master)
        router.add("GET", prefix + "/global/spend/models", self._models, master)
        router.add("GET", prefix + "/global/spend/logs", self._days, master)

    async def _logs(self, request: Request, caller: Caller) -> Reply:
        key = text(request, "api_key")
        wanted = SpendFilter(
            token_of(key.encode("utf-8")) if key is not None and key.startswith(PREFIX) else key,
            text(request, "user_id"),
            text(request, "request_id"),
            time(request, "start_date"),
            time(request, "end_date", whole_day=True),
        )
        # As in LiteLLM: days are summed up, if not asked otherwise; calls that are named are not.
        dated = wanted.start is not None and wanted.end is not None
        if dated and text(request, "summarize") != "false":
            return json_reply(_summary(await self._reports.sums(wanted)))
        limit = number(request, "limit", _USUAL_ROWS, 1, _MOST_ROWS)
        return json_reply([_call(row) for row in await self._reports.calls(wanted, limit)])

    async def _total(self, request: Request, caller: Caller) -> Reply:
        spend = await self._reports.total(_days(request))
        return json_reply({"spend": to_dollars(spend), "max_budget": None})

    async def _keys(self, request: Request, caller: Caller) -> Reply:
        return json_reply(
            [
                {
                    "api_key": row["api_key"],
                    "key_name": row["name"],
                    "key_alias": row["alias"],
                    **_sums(row),
                }
                for row in await self._by("api_key", request)
            ]
        )

    async def _models(self, request: Request, caller: Caller) -> Reply:
        rows = await self._by("model", request)
        return json_reply([{"model": row["model"], **_sums(row)} for row in rows])

    async def _days(self, request: Request, caller: Caller) -> Reply:
        rows = await self._by("day", request)
        named = ({"date": row["day"], "spend": to_dollars(row["spend"])} for row in rows)
        return json_reply([{**each, **_sums(row)} for each, row in zip(named, rows, strict=True)])

    async def _by(self, column: str, request: Request) -> list[Row]:
        limit = number(request, "limit", _USUAL_ROWS, 1, _MOST_ROWS)
        return await self._reports.by(column, _days(request), limit)


def _days(request: Request) -> Days:
    return Days(day(request, "start_date"), day(request, "end_date"))


def _sums(row: Row) -> dict[str, Any]:
    return {
        "total_spend": to_dollars(row["spend"]),
        "requests": row["requests"],
        "prompt_tokens": row["prompt_tokens"],
        "completion_tokens": row["completion_tokens"],
        "total_tokens": row["prompt_tokens"] + row["completion_tokens"],
    }


def _call(row: Row) -> dict[str, Any]:
    return {
        "request_id": row["request_id"],
        "call_type": row["call_type"],
        "api_key": row["api_key"],
        "spend": to_dollars(row["spend"]),
        "total_tokens": row["prompt_tokens"] + row["completion_tokens"],
        "prompt_tokens": row["prompt_tokens"],
        "completion_tokens": row["completion_tokens"],
        "startTime": _time(row["started_at"]),
        "endTime": _time(row["ended_at"]),
        "model": row["model"],
        "model_id": row["model_id"],
        "model_group": row["model_group"],
        "user": row["user_id"] or "",
        "team_id": row["team_id"],
        "end_user": row["end_user"] or "",
        "cache_hit": str(row["cache_hit"]),
        "metadata": {"cached_tokens": row["cached_tokens"]},
    }


def _summary(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """A day's sum, and whose it is."""
    days: dict[str, dict[str, Any]] = {}
    nanos: dict[str, int] = {}
    for row in rows:
        day = row["day"]
        summed = days.setdefault(day, {"startTime": day, "users": {}, "models": {}, "keys": {}})
        nanos[day] = nanos.get(day, 0) + row["spend"]
        for kind, name in (
            ("users", row["user_id"] or ""),
            ("models", row["model_group"]),
            ("keys", row["api_key"]),
        ):
            summed[kind][name] = summed[kind].get(name, 0) + row["spend"]
    for day, summed in days.items():
        summed["spend"] = to_dollars(nanos[day])
        for kind in ("users", "models", "keys"):
            summed[kind] = {name: to_dollars(each) for name, each in summed[kind].items()}
    return list(days.values())


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
