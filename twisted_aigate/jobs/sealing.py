"""
Keys of waiting jobs: kept encrypted, since a run presents them as a client would.

What opens them is made of the master key, which no disk has.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken

from twisted_aigate.jobs.models import Owner
from twisted_aigate.kernel.secrets import Secret

_MASTER = "master"


class Seal:
    """
    Names owners, and seals their keys.

    @param master: The master key.
    """

    def __init__(self, master: Secret) -> None:
        self._master = master
        key = bytes.fromhex(master.derive("the keys of jobs").reveal())
        self._fernet = Fernet(urlsafe_b64encode(key))

    def owner(self, key: bytes) -> Owner:
        """Who presents C{key}."""
        if self._master.matches(key):
            return Owner(_MASTER)
        return Owner(hashlib.sha256(key).hexdigest(), key)

    def close(self, owner: Owner) -> str | None:
        """An owner's key as it may be kept; C{None} for the master key, which needs not be."""
        return self._fernet.encrypt(owner.key).decode("ascii") if owner.key else None

    def open(self, sealed: str | None) -> bytes:
        """
        The key that was sealed.

        @return: Empty, when it was sealed under another master key: it opens nothing.
        """
        if sealed is None:
            return self._master.reveal().encode("utf-8")
        try:
            return self._fernet.decrypt(sealed.encode("ascii"))
        except InvalidToken:
            return b""
