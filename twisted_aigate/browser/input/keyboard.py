"""
An X server's keyboard, which types any character. For a browser's thread.

A character that no key gives is bound to a key that has none; the browser needs a moment to see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from random import Random

from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

from twisted_aigate.browser.input.keys import Key, combination, typed
from twisted_aigate.browser.pace import Pace

_SHIFT = 0xFFE1
_SETTLE = 0.05
"""Seconds until what was typed has been read, and a new binding has been seen."""

_SETTLE_EACH = 0.01


class Keyboard:
    """
    The keyboard.

    @param display: A connection to the X server of this thread's own.
    @param pace: How time passes.
    @param random: Makes keystrokes uneven.
    """

    def __init__(self, display: Display, pace: Pace, random: Random) -> None:
        self._display = display
        self._pace = pace
        self._random = random
        self._codes: dict[int, tuple[int, bool]] = {}
        spare = []
        first = display.display.info.min_keycode
        last = display.display.info.max_keycode
        for code, symbols in enumerate(
            display.get_keyboard_mapping(first, last - first + 1), start=first
        ):
            if not any(symbols):
                spare.append(code)
                continue
            for shifted, symbol in enumerate(symbols[:2]):
                if symbol and (symbol not in self._codes or not shifted):
                    self._codes.setdefault(symbol, (code, bool(shifted)))
        self._spare = spare
        self._next_spare = cycle(spare)
        self._bound: dict[int, int] = {}

    def press(self, keys: str) -> None:
        """See L{Input.press}."""
        wanted = combination(keys)
        self._bind(wanted)
        for key in wanted:
            self._key(key, X.KeyPress)
        self._pace.wait(self._uneven(0.03))
        for key in reversed(wanted):
            self._key(key, X.KeyRelease)
        self._display.sync()

    def type(self, text: str, interval: float) -> None:
        """See L{Input.type}."""
        keys = [typed(character) for character in text.replace("\r\n", "\n")]
        while keys:
            count = self._bind(keys)
            for key in keys[:count]:
                self._stroke(key)
                self._pace.wait(self._uneven(interval))
            keys = keys[count:]

    def _uneven(self, seconds: float) -> float:
        return seconds * self._random.uniform(0.5, 1.5)

    def _stroke(self, key: Key) -> None:
        code, shifted = self._codes[key.keysym]
        shift = self._codes[_SHIFT][0]
        if shifted:
            xtest.fake_input(self._display, X.KeyPress, shift)
        xtest.fake_input(self._display, X.KeyPress, code)
        xtest.fake_input(self._display, X.KeyRelease, code)
        if shifted:
            xtest.fake_input(self._display, X.KeyRelease, shift)
        self._display.sync()

    def _key(self, key: Key, event: int) -> None:
        xtest.fake_input(self._display, event, self._codes[key.keysym][0])

    def _bind(self, keys: Sequence[Key]) -> int:
        """
        Have keys for characters.

        @return: How many of them, from the first on, can be pressed now.
        """
        count, new = 0, dict[int, None]()
        used = set[int]()
        for key in keys:
            if key.keysym in self._bound:
                used.add(key.keysym)
            elif key.keysym not in self._codes:
                new[key.keysym] = None
            if len(new) + len(used) > len(self._spare):
                new.pop(key.keysym, None)
                break
            count += 1
        if new:
            # What was typed before must have been read with the bindings before.
            self._pace.wait(_SETTLE)
            for keysym in new:
                self._rebind(keysym, used)
                used.add(keysym)
            self._display.sync()
            self._pace.wait(_SETTLE + _SETTLE_EACH * len(new))
        return count

    def _rebind(self, keysym: int, used: set[int]) -> None:
        code = next(code for code in self._next_spare if self._symbol_of(code) not in used)
        old = self._symbol_of(code)
        if old is not None:
            del self._bound[old], self._codes[old]
        self._display.change_keyboard_mapping(code, [[keysym] * 4])
        self._bound[keysym] = code
        self._codes[keysym] = (code, False)

    def _symbol_of(self, code: int) -> int | None:
        return next((symbol for symbol, bound in self._bound.items() if bound == code), None)
