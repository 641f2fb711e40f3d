"""
Keys by the names that callers give them.

Sources: X11's keysymdef.h; https://www.w3.org/TR/webdriver2/#keyboard-actions for the code points.
"""

from __future__ import annotations

from attrs import frozen

from twisted_aigate.browser.errors import ActionFailed

_UNICODE = 0x01000000
"""Beyond Latin-1 a keysym is a code point with this added."""


@frozen
class Key:
    """
    A key.

    @ivar keysym: X's number for what it gives.
    @ivar webdriver: WebDriver's character for it.
    @ivar modifier: It is held while others are pressed.
    """

    keysym: int
    webdriver: str
    modifier: bool = False


_NAMED = {
    "enter": Key(0xFF0D, "\ue007"),
    "tab": Key(0xFF09, "\ue004"),
    "escape": Key(0xFF1B, "\ue00c"),
    "backspace": Key(0xFF08, "\ue003"),
    "delete": Key(0xFFFF, "\ue017"),
    "insert": Key(0xFF63, "\ue016"),
    "space": Key(0x20, " "),
    "home": Key(0xFF50, "\ue011"),
    "end": Key(0xFF57, "\ue010"),
    "pageup": Key(0xFF55, "\ue00e"),
    "pagedown": Key(0xFF56, "\ue00f"),
    "left": Key(0xFF51, "\ue012"),
    "up": Key(0xFF52, "\ue013"),
    "right": Key(0xFF53, "\ue014"),
    "down": Key(0xFF54, "\ue015"),
    "ctrl": Key(0xFFE3, "\ue009", True),
    "shift": Key(0xFFE1, "\ue008", True),
    "alt": Key(0xFFE9, "\ue00a", True),
    "meta": Key(0xFFEB, "\ue03d", True),
    **{f"f{number}": Key(0xFFBD + number, chr(0xE030 + number)) for number in range(1, 13)},
}
_ALIASES = {
    "return": "enter",
    "esc": "escape",
    "del": "delete",
    "ins": "insert",
    "page_up": "pageup",
    "page_down": "pagedown",
    "arrowleft": "left",
    "arrowup": "up",
    "arrowright": "right",
    "arrowdown": "down",
    "control": "ctrl",
    "super": "meta",
    "cmd": "meta",
    "win": "meta",
}
_TYPED = {"\n": "enter", "\r": "enter", "\t": "tab", "\b": "backspace"}
_NOT_FOR_PAGES = frozenset("hjopsu")
"""With Ctrl: the browser's own pages, its view of the source, and the file dialogs, which show this
machine's files."""


def typed(character: str) -> Key:
    """The key that gives a character."""
    if character in _TYPED:
        return _NAMED[_TYPED[character]]
    code = ord(character)
    latin = 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xFF
    return Key(code if latin else _UNICODE | code, character)


def combination(text: str) -> list[Key]:
    """
    Keys that are pressed together, such as C{enter}, C{ctrl+a} or C{ctrl++}.

    @raise ActionFailed: There is no such key, or the browser has a use for it that is no page's.
    """
    names = text.split("+") if len(text) > 1 else [text]
    if text.endswith("++"):
        names = [*text[:-2].split("+"), "+"]
    keys = [_named(name.strip() or name) for name in names]
    if _NAMED["ctrl"] in keys and keys[-1].webdriver.lower() in _NOT_FOR_PAGES:
        raise ActionFailed(f"refused: {text} is the browser's own, not the page's")
    return keys


def _named(name: str) -> Key:
    lowered = name.lower()
    found = _NAMED.get(_ALIASES.get(lowered, lowered))
    if found is not None:
        return found
    if len(name) != 1:
        raise ActionFailed(
            f"no such key: {name!r}; there are characters, and {', '.join(sorted(_NAMED))}"
        )
    return typed(name)
