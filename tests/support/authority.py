"""A certificate authority of one's own."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet.ssl import Certificate, PrivateCertificate

_Key = ec.EllipticCurvePrivateKey


class Authority:
    """
    Issues certificates that nobody trusts who was not told to.

    @ivar root: Its own certificate.
    """

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("the tests' authority")
        certificate = self._sign(self._name, self._key, x509.BasicConstraints(True, None))
        self.root = Certificate.loadPEM(certificate)

    def issue(self, host: str) -> PrivateCertificate:
        """A certificate for a server of that name, with its key."""
        return PrivateCertificate.loadPEM(self.issue_pem(host))

    def issue_pem(self, host: str) -> bytes:
        """The same as a file."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        certificate = self._sign(_name(host), key, names)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return certificate + private

    def _sign(self, subject: x509.Name, key: _Key, extension: x509.ExtensionType) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=False)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
