"""S3's XML, written and read by a library."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from twisted_aigate.storage.s3.errors import ErrorCode, S3Error

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
CONTENT_TYPE = b"application/xml"

_RETURN = "\ufdd0"
"""Stands for a carriage return until the document is written: a character that none is."""

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufdd0\ufffe\uffff\ud800-\udfff]")

Content: TypeAlias = "str | int | bool | Iterable[Child] | None"
Child: TypeAlias = "tuple[str, Content]"


def _fill(parent: ElementTree.Element, content: Content) -> None:
    if content is None:
        return
    if isinstance(content, bool):
        parent.text = "true" if content else "false"
    elif isinstance(content, str | int):
        parent.text = _printable(str(content))
    else:
        for tag, inner in content:
            _fill(ElementTree.SubElement(parent, tag), inner)


def _printable(text: str) -> str:
    # XML 1.0 has no way to write these; a client that cares asks for encoding-type=url.
    return _UNPRINTABLE.sub("\ufffd", text).replace("\r", _RETURN)


def document(root: str, content: Content, namespace: str | None = NAMESPACE) -> bytes:
    """
    A document.

    @param content: Text, or (tag, content) pairs in order.
    """
    attributes = {} if namespace is None else {"xmlns": namespace}
    element = ElementTree.Element(root, attributes)
    _fill(element, content)
    written: bytes = ElementTree.tostring(element, encoding="utf-8", xml_declaration=True)
    # As it is, a reader would make a line feed of it.
    return written.replace(_RETURN.encode("utf-8"), b"&#13;")


def parse(body: bytes, root: str) -> ElementTree.Element:
    """
    Read a document; entities and document types are refused.

    @param root: The tag that it must have.
    @return: Its root, namespaces taken off all tags.
    @raise S3Error: C{MalformedXML}.
    """
    try:
        element: ElementTree.Element = fromstring(body, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError):
        raise S3Error(ErrorCode.MalformedXML) from None
    for each in element.iter():
        if isinstance(each.tag, str):
            each.tag = each.tag.rpartition("}")[2]
    if element.tag != root:
        raise S3Error(ErrorCode.MalformedXML, f"The root of the document must be {root}.")
    return element


def url_encoded(key: str) -> str:
    """A key as C{encoding-type=url} has it."""
    return quote(key, safe="/~*")
