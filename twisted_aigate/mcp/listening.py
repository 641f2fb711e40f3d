"""
C{subscriptions/listen}: a request whose answer is a stream of changes.

Source: https://modelcontextprotocol.io/specification/2026-07-28 (SEP-2575)
"""

from __future__ import annotations

from typing import Any

from mcp_types import (
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
)

from twisted_aigate.mcp.announcements import Announcements, Change
from twisted_aigate.mcp.context import Context
from twisted_aigate.mcp.messages import plain

_SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId"


async def listen(
    announcements: Announcements, params: SubscriptionsListenRequestParams, context: Context
) -> SubscriptionsListenResult:
    """Tell a client the changes that it asks for, until it leaves."""
    meta: dict[str, Any] = {_SUBSCRIPTION_ID: context.request_id}
    asked = params.notifications
    honoured = SubscriptionFilter(
        tools_list_changed=asked.tools_list_changed or None,
        prompts_list_changed=asked.prompts_list_changed or None,
        resources_list_changed=asked.resources_list_changed or None,
        resource_subscriptions=asked.resource_subscriptions or None,
    )

    def tell(change: Change) -> None:
        if _is_wanted(change, honoured):
            context.notify(change.method, {**change.params, "_meta": meta})

    acknowledged = SubscriptionsAcknowledgedNotificationParams(notifications=honoured, _meta=meta)
    context.notify("notifications/subscriptions/acknowledged", plain(acknowledged))
    stop = announcements.listen(tell)
    try:
        await announcements.over.wait()
    finally:
        stop()
    return SubscriptionsListenResult(_meta=meta)


def _is_wanted(change: Change, honoured: SubscriptionFilter) -> bool:
    if change.uri is not None:
        return change.uri in (honoured.resource_subscriptions or ())
    wanted = {
        "tools": honoured.tools_list_changed,
        "prompts": honoured.prompts_list_changed,
        "resources": honoured.resources_list_changed,
    }
    return bool(wanted[change.of])
