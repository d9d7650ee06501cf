"""The head of a request: what is kept of one that comes again, and what is read from one that is unusual."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import httptools

from server.config import Limits
from server.errors import Refusal
from server.exchange import Exchange


class Repeat(NamedTuple):
    """A request of `size` bytes that came whole, and what was read from its `head`."""

    head: bytes
    size: int
    method: bytes
    path: bytes
    headers: dict[bytes, bytes]
    echo: bytes


# A platform or its caller finds its own request again by these.
ECHOED = frozenset(
    (b"x-request-id", b"x-ms-request-id", b"x-ms-client-request-id", b"x-amzn-sagemaker-custom-attributes")
)
_ECHO_BYTES = 1024
_VISIBLE = re.compile(rb"[\x20-\x7e]*\Z")


def echo_of(headers: dict[bytes, bytes]) -> bytes:
    """Header lines that go back as they came; what is long or holds other than visible ASCII does not."""
    return b"".join(
        b"%b: %b\r\n" % (name, headers[name])
        for name in sorted(ECHOED & headers.keys())
        if len(headers[name]) <= _ECHO_BYTES and _VISIBLE.match(headers[name])
    )


def repeat_of(exchange: Exchange, raw: bytearray, size: int) -> Repeat | None:
    """What to keep of a request if it is the first `size` bytes of `raw`: clients send one head again and again."""
    end = raw.find(b"\r\n\r\n", 0, size) + 4
    length = int(exchange.headers.get(b"content-length", 0))
    if end < 4 or end + length != size:
        return None
    return Repeat(bytes(raw[:end]), size, exchange.method, exchange.path, exchange.headers, exchange.echo)


def long_head(limits: Limits) -> Refusal:
    """The refusal of a head over the limits."""
    return Refusal(431, f"the head is over {limits.header_bytes} bytes or {limits.headers} headers", close=True)


def path_of(url: bytes, method: bytes) -> bytes:
    """The path of `url`, without the query; absolute URLs are allowed, as HTTP/1.1 asks."""
    if not url.startswith(b"/") and method != b"OPTIONS":
        try:
            url = httptools.parse_url(url).path or b"/"
        except httptools.HttpParserInvalidURLError:
            return b""
    return url.partition(b"?")[0]


def without_upgrade(parser: Any, url: bytes, headers: dict[bytes, bytes]) -> bytes:
    """The head that `parser` has just read, as it would be if it did not ask for another protocol."""
    fields = [b"%b: %b\r\n" % field for field in headers.items() if field[0] != b"upgrade"]
    if not parser.should_keep_alive():
        fields.append(b"Connection: close\r\n")
    line = b"%b %b HTTP/%b\r\n" % (parser.get_method(), url, parser.get_http_version().encode())
    return b"".join((line, *fields, b"\r\n"))
