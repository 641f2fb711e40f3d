"""The buckets of the configuration, and the keys that open them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from attrs import frozen

from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.settings import ConfigError, Configuration
from twisted_aigate.kernel.units import parse_duration, parse_size
from twisted_aigate.storage.models import Bucket

SECTIONS = ("buckets", "users")
"""The sections of the configuration file that are ours."""

RESERVED = frozenset(("health", "presign", "mcp", "storage"))
"""Names that are paths of the plain API, or its own, and so cannot be buckets."""

_E = TypeVar("_E")
_NAME = re.compile(r"(?!xn--|\d+\.\d+\.\d+\.\d+$)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]")


def valid_bucket_name(name: str) -> bool:
    """
    Whether S3 would take it as a bucket's name.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    return _NAME.fullmatch(name) is not None and name not in RESERVED


@frozen
class AccessKey:
    """
    A key pair.

    @ivar public: The access key, as S3 has it.
    @ivar secret: The secret key; also the Bearer token of plain callers.
    @ivar owner: Who has it: C{master}, a bucket's name, or a user's.
    @ivar bucket: The only bucket that it opens; C{None}: those that its owner owns.
    @ivar master: It opens everything.
    """

    public: str
    secret: Secret
    owner: str
    bucket: str | None = None
    master: bool = False


class _BucketEntry(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    public: bool = False
    public_key: str | None = None
    ttl: str | int = "0"
    max_file_size: str | int = "0"


class _UserEntry(msgspec.Struct, forbid_unknown_fields=True):
    access_key: str
    secret_key: str


MASTER = "master"
"""The owner of what the master key makes."""


@frozen
class ConfiguredStorage:
    """What the configuration says of storage."""

    buckets: tuple[Bucket, ...]
    keys: tuple[AccessKey, ...]


def _bucket(name: str, entry: _BucketEntry) -> Bucket:
    if not valid_bucket_name(name):
        raise ConfigError(f"buckets: {name!r} is no name for a bucket")
    try:
        ttl, size = parse_duration(str(entry.ttl)), parse_size(str(entry.max_file_size))
    except ValueError as error:
        raise ConfigError(f"buckets: {name}: {error}") from None
    return Bucket(name, name, entry.public, ttl, size, 0.0, configured=True)


def _secret(text: str, where: str) -> Secret:
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(f"{where}: a key is printable ASCII without spaces, and not empty")
    return Secret(text)


def configured_storage(configuration: Configuration) -> ConfiguredStorage:
    """
    Read the buckets and the keys.

    @raise SettingsError: They cannot be used.
    """
    try:
        return _read(configuration)
    except ConfigError as error:
        raise configuration.wrong_file(error) from None


def _read(configuration: Configuration) -> ConfiguredStorage:
    settings = configuration.settings.storage
    entries = _entries(configuration.file, "buckets", _BucketEntry)
    users = _entries(configuration.file, "users", _UserEntry)
    buckets: list[Bucket] = []
    keys: list[AccessKey] = []
    if settings.master_key is not None:
        keys.append(AccessKey(settings.master_public_key, settings.master_key, MASTER, master=True))
    if "uploads" not in entries:
        ttl, size = settings.uploads_ttl, settings.uploads_max_size
        buckets.append(Bucket("uploads", "uploads", True, ttl, size, 0.0, configured=True))
        if settings.uploads_key is not None:
            keys.append(AccessKey("uploads", settings.uploads_key, "uploads", "uploads"))
    for name, entry in entries.items():
        where = f"buckets: {name}"
        buckets.append(_bucket(name, entry))
        public = _public(entry.public_key or name, f"{where}: public_key")
        keys.append(AccessKey(public, _secret(entry.key, f"{where}: key"), name, name))
    for name, user in users.items():
        where = f"users: {name}"
        if name == MASTER or name in {bucket.name for bucket in buckets}:
            raise ConfigError(f"{where}: it is the name of a bucket, or {MASTER}")
        public = _public(user.access_key, f"{where}: access_key")
        keys.append(AccessKey(public, _secret(user.secret_key, f"{where}: secret_key"), name))
    publics = [key.public for key in keys]
    twice = sorted({public for public in publics if publics.count(public) > 1})
    if twice:
        raise ConfigError(f"the access key {twice[0]!r} is given out twice")
    if len({key.secret for key in keys}) < len(keys):
        # A plain caller's key says which bucket it opens.
        raise ConfigError("two buckets or users have the same key")
    return ConfiguredStorage(tuple(buckets), tuple(keys))


def _entries(file: Mapping[str, Any], section: str, model: type[_E]) -> dict[str, _E]:
    given = file.get(section, {})
    if not isinstance(given, dict):
        raise ConfigError(f"{section}: not a mapping of names")
    entries = {}
    for name, value in given.items():
        try:
            entries[str(name)] = msgspec.convert(value, model, strict=False)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{section}: {name}: {error}") from None
    return entries


def _public(text: str, where: str) -> str:
    # It stands between the commas and slashes of a header.
    if not text or not text.isascii() or not text.isprintable() or set(text) & set(" ,/="):
        raise ConfigError(f"{where}: an access key is ASCII without spaces, commas and slashes")
    return text
