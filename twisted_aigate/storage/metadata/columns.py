"""Values as columns: maps as JSON, checksums as three texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from twisted_aigate.storage.models import Checksum

_texts = msgspec.json.Decoder(dict[str, str])
_numbers = msgspec.json.Decoder(tuple[int, ...])


def texts_out(texts: Mapping[str, str]) -> str | None:
    """A map of texts as a column; C{None} when it is empty, as most are."""
    return msgspec.json.encode(dict(texts)).decode("utf-8") if texts else None


def texts_in(value: str | None) -> dict[str, str]:
    """A map of texts out of its column."""
    return {} if value is None else _texts.decode(value)


def numbers_out(numbers: Sequence[int]) -> str | None:
    """Numbers as a column; C{None} when there is none."""
    return msgspec.json.encode(numbers).decode("utf-8") if numbers else None


def numbers_in(value: str | None) -> tuple[int, ...]:
    """Numbers out of their column."""
    return () if value is None else _numbers.decode(value)


def checksum_out(checksum: Checksum | None) -> dict[str, str | None]:
    """A checksum as columns."""
    return {
        "checksum_algorithm": None if checksum is None else checksum.algorithm,
        "checksum_value": None if checksum is None else checksum.value,
        "checksum_type": None if checksum is None else checksum.type,
    }


def checksum_in(algorithm: str | None, value: str | None, kind: str | None) -> Checksum | None:
    """A checksum out of its columns."""
    if algorithm is None or value is None or kind is None:
        return None
    return Checksum(algorithm, value, kind)
