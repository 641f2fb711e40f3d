"""Refusals: in JSON or XML, when they come, and what goes with them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from botocore import UNSIGNED
from botocore.exceptions import ClientError
from twisted.internet.defer import CancelledError, Deferred

from tests.storage.test_intake import Arriving
from tests.support.storage import PRIVATE, UPLOADS_KEY, SiteCase, plain_digester
from twisted_aigate.kernel.database import DatabaseFull, DatabaseUnavailable
from twisted_aigate.kernel.units import Rate
from twisted_aigate.storage.service import ObjectHeaders

_HEAD = (
    b"PUT /storage/uploads/k HTTP/1.1
Host: test
"
    b"Authorization: Bearer sk-uploads
%b

"
)
