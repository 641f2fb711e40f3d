"""Who calls, and in which language they are answered."""

from __future__ import annotations

import errno
from collections.abc import Callable

import msgspec
from attrs import frozen

from twisted_aigate.kernel.database import DatabaseFull, DatabaseUnavailable
from twisted_aigate.storage.access import AccessKeys
from twisted_aigate.storage.buckets import AccessKey
from twisted_aigate.storage.routes.xml import CONTENT_TYPE, document
from twisted_aigate.storage.s3.canonical import SignedRequest
from twisted_aigate.storage.s3.credential import Credential, parse_authorization
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.storage.s3.signature import verify
from twisted_aigate.storage.s3.signature_v2 import parse_presigned_v2, verify_v2
from twisted_aigate.web.auth import presented_token, unauthorized
from twisted_aigate.web.errors import ErrorFormat, Headers, HTTPError, RenderedError
from twisted_aigate.web.request import Request

_RETRY_AFTER = ((b"Retry-After", b"5"),)
_S3_CODES = {
    400: ErrorCode.InvalidRequest,
    401: ErrorCode.AccessDenied,
    404: ErrorCode.NoSuchKey,
    405: ErrorCode.MethodNotAllowed,
    408: ErrorCode.RequestTimeout,
    411: ErrorCode.MissingContentLength,
    413: ErrorCode.EntityTooLarge,
    429: ErrorCode.SlowDown,
    503: ErrorCode.ServiceUnavailable,
    504: ErrorCode.ServiceUnavailable,
}
"""The codes of what the edge refuses."""


@frozen
class Caller:
    """
    A caller.

    @ivar key: The key that it presented; C{None}: none.
    @ivar credential: How it signed with Signature V4; C{None}: it did not.
    @ivar s3: It is answered in S3's XML, and otherwise in JSON.
    @ivar signed: Its request as Signature V4 sees it.
    """

    key: AccessKey | None
    credential: Credential | None
    s3: bool
    signed: SignedRequest


def denied(caller: Caller) -> Exception:
    """The refusal of what a caller may not do."""
    if caller.s3:
        return S3Error(ErrorCode.AccessDenied)
    if caller.key is None:
        return unauthorized("This needs a key. Send it as: Authorization: Bearer <key>.")
    return HTTPError(403, "The key does not open this bucket.", code="access_denied")


class Callers:
    """
    Finds out who calls.

    @param keys: The keys that there are.
    @param now: Seconds since the epoch.
    @param always_s3: Every caller is answered in XML.
    """

    def __init__(
        self, keys: AccessKeys, now: Callable[[], float], *, always_s3: bool = False
    ) -> None:
        self.keys = keys
        self._now = now
        self._always_s3 = always_s3

    def __call__(self, request: Request) -> Caller:
        """
        An L{twisted_aigate.web.auth.Authorise}.

        @raise S3Error: The signature does not hold.
        @raise HTTPError: 401: the token is not valid.
        """
        method = request.method.decode("ascii")
        signed = SignedRequest(method, request.path, request.query, request.fields)
        authorization = request.field(b"authorization")
        speaks_s3 = self._speaks_s3(request)
        if _is_bearer(authorization):
            key = self.keys.by_token(presented_token(request))
            if key is None:
                raise unauthorized("The token is not valid here.")
            return Caller(key, None, self._always_s3, signed)
        credential = parse_authorization(signed)
        if credential is None:
            presigned = parse_presigned_v2(signed)
            if presigned is not None:
                key = self._key_of(presigned.access_key)
                secret = key.secret.reveal()
                verify_v2(signed, request.subpath, presigned, secret, self._now())
                return Caller(key, None, True, signed)
            if authorization is not None and not speaks_s3:
                raise unauthorized("The Authorization header is not of the form: Bearer <token>.")
            return Caller(None, None, speaks_s3, signed)
        key = self._key_of(credential.access_key)
        verify(signed, credential, key.secret.reveal(), self._now())
        return Caller(key, credential, True, signed)

    def _key_of(self, access_key: str) -> AccessKey:
        key = self.keys.by_public(access_key)
        if key is None:
            raise S3Error(ErrorCode.InvalidAccessKeyId)
        return key

    def errors_for(self, request: Request) -> ErrorFormat:
        """How errors are worded to whoever sent C{request}, before it is known who that is."""
        return s3_errors(request) if self._speaks_s3(request) else render_plain_error

    def _speaks_s3(self, request: Request) -> bool:
        if self._always_s3:
            return True
        return not _is_bearer(request.field(b"authorization")) and _looks_like_s3(request)


def _is_bearer(authorization: bytes | None) -> bool:
    return authorization is not None and authorization[:7].lower() == b"bearer "


def _looks_like_s3(request: Request) -> bool:
    authorization = request.field(b"authorization") or b""
    if authorization.startswith((b"AWS4-HMAC-SHA256", b"AWS ")):
        return True
    query = request.query
    if b"X-Amz-" in query or b"AWSAccessKeyId=" in query or b"list-type=" in query:
        return True
    # An unsigned call of an S3 client.
    return request.field(b"x-amz-content-sha256") is not None or (
        request.field(b"amz-sdk-invocation-id") is not None
    )


def _known(error: Exception) -> S3Error | None:
    if isinstance(error, S3Error):
        return error
    if isinstance(error, DatabaseFull) or _is_full(error):
        return S3Error(ErrorCode.InsufficientStorage)
    if isinstance(error, DatabaseUnavailable):
        return S3Error(ErrorCode.ServiceUnavailable, "The database is unavailable.")
    return None


def _is_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _headers(error: S3Error | HTTPError) -> Headers:
    if isinstance(error, HTTPError):
        return error.headers or (_RETRY_AFTER if error.status == 504 else ())
    if error.status == 304:
        # It tells which one is still good, and for how long.
        return tuple(
            (name.title().encode("ascii"), value.encode("utf-8"))
            for name, value in error.extra.items()
        )
    return _RETRY_AFTER if error.status == 503 else ()


def render_plain_error(error: Exception, request_id: str) -> RenderedError | None:
    """An L{ErrorFormat}: C{{"error", "request_id"}}."""
    known = error if isinstance(error, HTTPError) else _known(error)
    if known is None:
        return None
    body = msgspec.json.encode({"error": known.message, "request_id": request_id})
    return RenderedError(known.status, body, headers=_headers(known))


def s3_errors(request: Request) -> ErrorFormat:
    """The L{ErrorFormat} of a request that is answered in XML."""
    resource = request.subpath.decode("latin-1")

    def render(error: Exception, request_id: str) -> RenderedError | None:
        known = error if isinstance(error, HTTPError) else _known(error)
        if known is None:
            return None
        status, message, headers = known.status, known.message, _headers(known)
        extra = known.extra if isinstance(known, S3Error) else {}
        if isinstance(known, S3Error):
            code = known.code
        else:
            found = _S3_CODES.get(status, ErrorCode.InternalError)
            code, status = found.name, found.status
        if status == 304:
            return RenderedError(status, b"", CONTENT_TYPE, headers)
        body = document(
            "Error",
            [
                ("Code", code),
                ("Message", message),
                *extra.items(),
                ("Resource", resource),
                ("RequestId", request_id),
            ],
            namespace=None,
        )
        return RenderedError(status, body, CONTENT_TYPE, headers)

    return render
