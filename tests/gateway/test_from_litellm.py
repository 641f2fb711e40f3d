"""docs/from-litellm.md against the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.gateway.routes_case import RoutesCase
from twisted_aigate.gateway.config_file import (
    ConfigFile,
    GeneralSettings,
    LiteLLMParams,
    LiteLLMSettings,
    ModelEntry,
    RouterSettings,
)
from twisted_aigate.gateway.requests import _OURS

_TEXT = (Path(__file__).parents[2] / "docs" / "from-litellm.md").read_text("utf-8")
_SECTIONS: dict[str, type[msgspec.Struct]] = {
    "Sections": ConfigFile,
    "`model_list`": ModelEntry,
    "`litellm_params`": LiteLLMParams,
    "`litellm_settings`": LiteLLMSettings,
    "`router_settings`": RouterSettings,
    "`general_settings`": GeneralSettings,
}


def _rows(heading: str) -> Iterator[tuple[list[str], str]]:
    """The names in each row of the table below a heading, and what is said of them."""
    [found] = re.findall(rf"(?ms)^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", _TEXT)
    for line in found.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[1] in ("same", "different", "absent", "ours alone"):
            yield re.findall(r"`([^`]+)`", cells[0]), cells[1]


def _told(heading: str, *words: str) -> set[str]:
    return {name for names, word in _rows(heading) if word in words for name in names}


def _shape(path: str) -> str:
    return re.sub(r"<[^>]*>|{[^}]*}", "{}", path)


class FromLiteLLMTests(RoutesCase):
    """What is said to be there is, and the other way round."""

    def test_keys_that_are_read(self) -> None:
        """Each is the same or different."""
        for heading, model in _SECTIONS.items():
            known = set(model.__struct_fields__)
            self.assertEqual(known - _told(heading, "same", "different"), set(), heading)
            self.assertEqual(known & _told(heading, "absent"), set(), heading)

    def test_fields_that_are_read(self) -> None:
        heading = "In a request's body"
        read = {*_told(heading, "same"), *_told(heading, "different")}
        self.assertLessEqual({*_OURS}, read)

    def test_endpoints(self) -> None:
        """Each path of the code is in the table, and none of the absent is in the code."""
        said = {
            _shape(name.split()[-1])
            for names, word in _rows("Endpoints")
            if word != "absent"
            for name in names
        }
        absent = {_shape(name) for name in _told("Endpoints", "absent")}
        routes = self.client_routes()
        self.assertEqual({path for path in routes if path not in said}, set())
        self.assertEqual(routes & absent, set())

    def client_routes(self) -> set[str]:
        rules = self.routes._klein.url_map.iter_rules()
        return {_shape(rule.rule.removeprefix("/v1")) for rule in rules}
