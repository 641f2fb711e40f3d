"""Who may do what."""

from __future__ import annotations

from collections.abc import Iterable

from twisted_aigate.storage.buckets import AccessKey
from twisted_aigate.storage.models import Bucket


class AccessKeys:
    """
    The keys that there are.

    @param keys: All of them.
    """

    def __init__(self, keys: Iterable[AccessKey]) -> None:
        self.replace(keys)

    def replace(self, keys: Iterable[AccessKey]) -> None:
        """Have these keys in place of those that there are."""
        self._keys = tuple(keys)
        self._by_public = {key.public: key for key in self._keys}

    def by_token(self, token: bytes) -> AccessKey | None:
        """The key whose secret a plain caller presents; each is compared in constant time."""
        found = None
        for key in self._keys:
            if key.secret.matches(token):
                found = found or key
        return found

    def by_public(self, public: str) -> AccessKey | None:
        """The key of that access key."""
        return self._by_public.get(public)

    def opening(self, bucket: Bucket) -> AccessKey | None:
        """A key that opens a bucket, if there is one."""
        return next((key for key in self._keys if owns(key, bucket)), None)


def owns(key: AccessKey | None, bucket: Bucket) -> bool:
    """Whether a caller may write to a bucket, and read it whether it is public or not."""
    if key is None:
        return False
    if key.master or key.bucket == bucket.name:
        return True
    return key.bucket is None and key.owner == bucket.owner


def may_read(key: AccessKey | None, bucket: Bucket) -> bool:
    """Whether a caller may read and list a bucket."""
    return bucket.public or owns(key, bucket)


def may_make_buckets(key: AccessKey | None) -> bool:
    """Whether a caller may make buckets: the master key and users may, a bucket's own key not."""
    return key is not None and key.bucket is None
