"""All actions, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted_aigate.browser.actions import (
    content,
    elements,
    exchange,
    navigation,
    state,
    system,
    tabs,
    waiting,
)
from twisted_aigate.browser.actions.base import ActionType

GROUPS: Mapping[str, tuple[ActionType[Any], ...]] = {
    "Going somewhere": navigation.ACTIONS,
    "Reading": content.ACTIONS,
    "Elements": elements.ACTIONS,
    "Mouse and keyboard": system.ACTIONS,
    "Waiting": waiting.ACTIONS,
    "Tabs": tabs.ACTIONS,
    "Cookies and storage": state.ACTIONS,
    "Dialogs and files": exchange.ACTIONS,
}
"""The actions, as the documentation has them."""

ACTIONS: Mapping[str, ActionType[Any]] = {
    action.name: action for group in GROUPS.values() for action in group
}
