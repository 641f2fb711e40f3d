"""
The errors of S3, by the code names that clients branch on.

@see: U{https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html}
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, unique


@unique
class ErrorCode(Enum):
    """
    A code of S3: its HTTP status, and what is said when the raiser has nothing closer to say.

    One departs from S3: C{EntityTooLarge} is 413 here, 400 there. The plain API answers 413 for
    the same refusal, which HTTP clients and proxies understand, and S3 clients branch on the code.
    """

    AccessDenied = (403, "Access Denied.")
    AuthorizationHeaderMalformed = (400, "The authorization header that you provided is not valid.")
    AuthorizationQueryParametersError = (
        400,
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
    )
    BadDigest = (400, "The digest that you specified does not match what was received.")
    BucketAlreadyExists = (409, "The requested bucket name is not available.")
    BucketAlreadyOwnedByYou = (409, "The bucket exists already, and you own it.")
    BucketNotEmpty = (409, "The bucket that you tried to delete is not empty.")
    ConditionalRequestConflict = (
        409,
        "A conflicting operation occurred during this request: try again.",
    )
    EntityTooLarge = (413, "Your upload exceeds the largest size that is allowed.")
    EntityTooSmall = (400, "Your upload is smaller than the smallest size that is allowed.")
    IllegalLocationConstraintException = (400, "The location constraint is not valid here.")
    IncompleteBody = (
        400,
        "You did not provide the number of bytes that the request announced.",
    )
    InsufficientStorage = (507, "There is no room left to store this.")
    InternalError = (500, "An internal error occurred. Try again.")
    InvalidAccessKeyId = (403, "The access key Id that you provided does not exist.")
    InvalidArgument = (400, "An argument is not valid.")
    InvalidBucketName = (400, "The specified bucket is not valid.")
    InvalidDigest = (400, "The Content-MD5 that you specified is not valid.")
    InvalidPart = (
        400,
        "One or more of the parts could not be found, or their entity tags did not match.",
    )
    InvalidPartOrder = (400, "The list of parts was not in ascending order.")
    InvalidRange = (416, "The requested range cannot be satisfied.")
    InvalidRequest = (400, "The request is not valid.")
    InvalidTag = (400, "The tag that you provided is not valid.")
    InvalidURI = (400, "The specified URI could not be parsed.")
    KeyTooLongError = (400, "Your key is too long.")
    MalformedTrailerError = (
        400,
        "The request contained trailing data that was not well-formed.",
    )
    MalformedXML = (400, "The XML that you provided was not well-formed, or not as it must be.")
    MaxMessageLengthExceeded = (400, "Your request was too large.")
    MetadataTooLarge = (400, "Your metadata headers exceed the largest size that is allowed.")
    MethodNotAllowed = (405, "The specified method is not allowed against this resource.")
    MissingContentLength = (411, "You must provide the Content-Length HTTP header.")
    MissingRequestBodyError = (400, "The request body is empty.")
    MissingSecurityHeader = (400, "Your request was missing a required header.")
    NoSuchBucket = (404, "The specified bucket does not exist.")
    NoSuchKey = (404, "The specified key does not exist.")
    NoSuchTagSet = (404, "There is no tag set.")
    NoSuchUpload = (
        404,
        "The specified multipart upload does not exist: it may be complete or gone.",
    )
    NoSuchVersion = (404, "The specified version does not exist.")
    NotImplemented = (501, "A header or operation that you provided is not implemented.")
    NotModified = (304, "Not Modified.")
    PreconditionFailed = (412, "At least one of the preconditions that you specified did not hold.")
    RequestTimeTooSkewed = (
        403,
        "The difference between the request time and the server's time is too large.",
    )
    RequestTimeout = (400, "Nothing of the body arrived within the time-out.")
    ServiceUnavailable = (503, "The service is unavailable. Try again later.")
    SignatureDoesNotMatch = (
        403,
        "The request signature that was calculated does not match the signature that you "
        "provided. Check your key and signing method.",
    )
    SlowDown = (503, "Reduce your request rate.")
    TooManyBuckets = (400, "You have as many buckets as are allowed.")
    XAmzContentSHA256Mismatch = (
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message


class S3Error(Exception):
    """
    A request that is refused, as S3 words it.

    @ivar code: The code's name, such as C{NoSuchKey}.
    @ivar message: What is wrong, for the person who sent the request: no secret, no expected
        signature, no string to sign.
    @ivar status: The HTTP status.
    @ivar extra: Further elements of the XML error, such as C{BucketName}.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str | None = None,
        *,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code.name
        self.message = code.message if message is None else message
        self.status = code.status
        self.extra = dict(extra or {})
        super().__init__(self.code, self.message)
