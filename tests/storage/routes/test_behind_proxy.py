"""URLs that are answered lead back to where the client came from."""

from __future__ import annotations

import ipaddress
import re

from twisted.internet.address import IPv4Address

from tests.support.edge import Wire
from tests.support.storage import SiteCase

_PROXY = IPv4Address("TCP", "10.1.2.3", 5)
_STRANGER = IPv4Address("TCP", "198.51.100.7", 5)


class BehindProxyTests(SiteCase):
    """A trusted proxy that takes TLS, and others that say that they are one."""

    trusted = (ipaddress.ip_network("10.0.0.0/8"),)
    peer = _PROXY

    def wire(self) -> Wire:
        return Wire(self.site, self.clock, self.peer)

    def urls(self, **fields: str) -> list[str]:
        """A presigned URL, a plain one, and where a completed upload is."""
        found = [
            self.json(self.request("POST", path, key="sk-master", **fields))["url"]
            for path in ("/presign/private/k", "/presign/uploads/k")
        ]
        upload = self.request("POST", "/private/k?uploads", key="sk-master").body
        (upload_id,) = re.findall(rb"<UploadId>(.*)</UploadId>", upload)
        path = f"/private/k?uploadId={upload_id.decode()}"
        part = self.request("PUT", f"{path}&partNumber=1", b"x", key="sk-master")
        completion = (
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
            f"<ETag>{part.field('etag')}</ETag></Part></CompleteMultipartUpload>"
        )
        done = self.request("POST", path, completion.encode(), key="sk-master", **fields).body
        (location,) = re.findall(rb"<Location>(.*)</Location>", done)
        return [*found, location.decode()]

    def schemes(self, **fields: str) -> set[str]:
        return {url.partition("://")[0] for url in self.urls(**fields)}

    def test_trusted(self) -> None:
        """TLS or not, as the proxy says."""
        self.assertEqual(self.schemes(X_Forwarded_Proto="https"), {"https"})
        self.assertEqual(self.schemes(X_Forwarded_Proto="http"), {"http"})
        self.assertEqual(self.schemes(), {"http"})

    def test_not_trusted(self) -> None:
        """What anyone says does not count."""
        self.peer = _STRANGER
        self.assertEqual(self.schemes(X_Forwarded_Proto="https"), {"http"})

    def test_it_opens(self) -> None:
        """The URL that was signed for TLS is good on the way behind the proxy."""
        self.request("PUT", "/private/k", b"hello", key="sk-master")
        url = self.urls(X_Forwarded_Proto="https")[0]
        path = url.removeprefix("https://test:4000/storage")
        self.assertEqual(self.request("GET", path, X_Forwarded_Proto="https").status, 200)
