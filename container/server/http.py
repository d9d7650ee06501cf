"""HTTP/1.1 on asyncio: bytes to exchanges and answers to bytes. It knows nothing of models.

httptools parses heads and small bodies. The body of a large request goes straight from the socket into its own buffer.
Every bound on what a client may send, hold or delay is kept here.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn

import httptools
import numpy as np

from server.errors import Refusal, quote, too_large
from server.exchange import STATUS_LINES, Exchange
from server.head import Repeat, echo_of, long_head, path_of, repeat_of, without_upgrade
from server.log import log

if TYPE_CHECKING:
    from server.listener import Listener

SCRATCH_BYTES = 65536
DIRECT_BYTES = 32768
HEAD_SECONDS = 10.0
# Longer than any cloud's load balancer keeps an idle connection (GCP: 600 s), so that they close first, not we.
IDLE_SECONDS = 620.0
LINGER_SECONDS = 2.0
HALF_CLOSED_SECONDS = 0.1
WRITE_SECONDS = 60.0
WAITING_EXCHANGES = 64
ONCE = frozenset((b"host", b"content-type", b"content-encoding", b"inference-header-content-length", b"expect"))


class Connection(asyncio.BufferedProtocol):
    """One client. Exchanges are answered one after the other, in the order they came."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.limits = listener.limits
        self.application = listener.application
        self.deadline = time.monotonic() + HEAD_SECONDS
        self.current: Exchange | None = None
        self.waiting: deque[Exchange] = deque()
        self.reading: Exchange | None = None
        self.sink: memoryview | None = None
        self.direct = False
        self.deaf = False
        self.ended = False
        self.paused_since: float | None = None
        self.served = False
        self.candidate: Exchange | None = None
        self.repeat: Repeat | None = None
        self._new_parser()

    def _new_parser(self) -> None:
        self.parser: Any = httptools.HttpRequestParser(self)
        self.in_head = False
        self.refusal: Refusal | None = None

    @property
    def busy(self) -> bool:
        return self.current is not None or bool(self.waiting) or self.reading is not None

    @property
    def idle(self) -> bool:
        return not self.busy and not self.in_head

    # The transport's side.

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.listener.connections.add(self)
        if len(self.listener.connections) > self.limits.connections:
            message = f"all {self.limits.connections} connections are taken; try again later"
            self._fail(Refusal(503, message, close=True, headers=b"Retry-After: 1\r\n"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.listener.connections.discard(self)
        self.deaf = True
        for exchange in (self.current, *self.waiting, self.reading):
            if exchange is not None and not exchange.answered:
                exchange.answered = True
                self.application.abandoned(exchange)
        self.current = self.reading = self.parser = self.refusal = self.sink = None
        self.waiting.clear()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return self.sink[self.filled :] if self.direct else self.listener.scratch  # type: ignore[index]

    def buffer_updated(self, nbytes: int) -> None:
        if self.deaf:
            return
        if self.direct:
            self.filled += nbytes
            if self.filled == len(self.sink):  # type: ignore[arg-type]
                self._new_parser()
                self.on_message_complete()
            return
        between = not self.in_head and self.reading is None
        repeat = self.repeat
        if repeat is not None and between and nbytes == repeat.size and self.listener.raw.startswith(repeat.head):
            self._again(repeat)
            return
        self.candidate = None
        if self.in_head:
            self.head_bytes += nbytes  # A head that goes on over several reads; on_header counts what it finishes.
            if self.head_bytes > self.limits.header_bytes + SCRATCH_BYTES:
                self._fail(long_head(self.limits))
                return
        elif self.reading is not None:
            self.message_bytes += nbytes
        try:
            self._feed(self.listener.scratch[:nbytes])
        except httptools.HttpParserError as error:
            self._fail(self.refusal or Refusal(400, f"not an HTTP/1.1 request: {quote(str(error), 120)}", close=True))
            return
        if self.sink is not None:
            self.direct = True
        elif self.candidate is not None and between and self.reading is None and not self.in_head:
            self.repeat = repeat_of(self.candidate, self.listener.raw, nbytes) or repeat

    def eof_received(self) -> bool:
        self.ended = True
        if self.deaf:
            return False
        if self.reading is not None:
            got = self.filled if self.sink is not None else len(self.reading.body)
            self._fail(Refusal(400, f"the body ends after {got} bytes, before its end", close=True))
            return True
        # Gone, or only done with sending? Quick answers are still sent, longer work is given up.
        self.deadline = time.monotonic() + HALF_CLOSED_SECONDS
        return self.current is not None or bool(self.waiting)

    def pause_writing(self) -> None:
        """The client does not read its answers: no further request of its is read or started until it does."""
        self.paused_since = time.monotonic()
        if not self.deaf and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.paused_since is not None:
            # Its other deadlines stood still: what was not read came no later through the client's fault.
            self.deadline += time.monotonic() - self.paused_since
            self.paused_since = None
        if self.waiting:
            self._next()
        elif not self.deaf and not self.transport.is_closing():
            self.transport.resume_reading()

    @property
    def due(self) -> float:
        """When the client is `late`."""
        return self.deadline if self.paused_since is None else self.paused_since + WRITE_SECONDS

    def late(self) -> None:
        """The client took too long over what it was doing."""
        if self.deaf or self.ended or self.transport.is_closing() or self.transport.get_write_buffer_size():
            self.transport.abort()
        elif self.reading is not None:
            self._fail(
                Refusal(408, f"the body took longer than {self.limits.request_seconds:g} s to arrive", close=True)
            )
        elif self.in_head:
            self._fail(Refusal(408, f"the head took longer than {HEAD_SECONDS:g} s to arrive", close=True))
        else:
            self.transport.close()

    # The parser's side, in the order it calls.

    def _feed(self, data: bytes | memoryview) -> None:
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                if self.parser.get_method() == b"CONNECT":
                    return
                # No upgrade is taken, but httptools stops after such a head: it gets the head again, without.
                data = b"".join((without_upgrade(self.parser, self.url, self.headers), data[upgrade.args[0] :]))
                self._new_parser()

    def on_message_begin(self) -> None:
        self.in_head = True
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.head_bytes = self.header_bytes = 0
        self.header_count = 0
        self.chunks = 0
        self.started = time.monotonic()
        self.deadline = self.started + HEAD_SECONDS

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > self.limits.header_bytes:
            self._stop(Refusal(414, f"the URL is longer than {self.limits.header_bytes} bytes", close=True))

    def on_header(self, name: bytes, value: bytes) -> None:
        self.header_count += 1
        size = len(name) + len(value) + 4
        self.header_bytes += size
        if self.header_count > self.limits.headers or self.header_bytes > self.limits.header_bytes:
            self._stop(long_head(self.limits))
        if not self.in_head:
            return  # A trailer: counted, not used.
        name = name.lower()
        if name in ONCE and name in self.headers:
            self._stop(Refusal(400, f"the header {quote(name.decode('latin-1'))} is given twice", close=True))
        self.headers[name] = value

    def on_headers_complete(self) -> None:
        parser, headers, limits = self.parser, self.headers, self.limits
        self.in_head = False
        method = parser.get_method()
        if parser.should_upgrade() and method != b"CONNECT":
            return
        exchange = Exchange(self, method, path_of(self.url, method), headers, self.started)
        exchange.echo = echo_of(headers)
        version = parser.get_http_version()
        exchange.keep_alive = parser.should_keep_alive() and not parser.should_upgrade()
        self.reading = exchange
        self.filled = self.message_bytes = 0
        self.deadline = self.started + limits.request_seconds
        if self.header_bytes > limits.header_bytes:
            self._stop(long_head(limits))
        if version == "1.1" and b"host" not in headers:
            self._stop(Refusal(400, "the header 'Host' is missing, which HTTP/1.1 requires", close=True))
        text = headers.get(b"content-length")
        length = None if b"transfer-encoding" in headers else int(text or 0)
        try:
            sink = self.application.admit(exchange, length)
            if sink is None and length is not None and length >= DIRECT_BYTES:
                # Not touched before bytes arrive: a head that promises much costs nothing.
                exchange.body = sink = memoryview(np.empty(length, np.uint8))  # type: ignore[arg-type]
        except (OSError, MemoryError) as error:
            log("error", "no memory for a body", bytes=length, error=f"{type(error).__name__}: {error}")
            message = f"there is no room for a body of {length} bytes now; try again later"
            self._stop(Refusal(503, message, close=True, headers=b"Retry-After: 1\r\n"))
        except Refusal as refusal:
            exchange.refusal = refusal
            if refusal.close or b"expect" in headers:
                self._stop(refusal)
            return
        expect = headers.get(b"expect")
        if expect is not None and version == "1.1":
            if expect.lower() != b"100-continue":
                self._stop(Refusal(417, f"'Expect: {quote(expect.decode('latin-1'))}' is not supported", close=True))
            elif length != 0 and self.current is None:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.sink = sink
        if sink is None and length is not None and expect is None and exchange.keep_alive:
            self.candidate = exchange

    def _again(self, repeat: Repeat) -> None:
        """The same head, byte for byte, and its whole body: the parser would say what it said then."""
        exchange = Exchange(self, repeat.method, repeat.path, repeat.headers, time.monotonic())
        exchange.echo = repeat.echo
        start = len(repeat.head)
        exchange.body = bytes(self.listener.scratch[start : repeat.size])
        try:
            self.application.admit(exchange, repeat.size - start)
        except Refusal as refusal:
            exchange.refusal = refusal
        self.reading = exchange
        self.on_message_complete()

    def on_body(self, body: bytes) -> None:
        exchange = self.reading
        if self.sink is not None:
            end = self.filled + len(body)
            self.sink[self.filled : end] = body
            self.filled = end
        elif exchange is None or exchange.refusal is not None:
            return
        elif exchange.body:
            whole = exchange.body if isinstance(exchange.body, bytearray) else bytearray(exchange.body)
            whole += body
            exchange.body = whole
            if len(whole) > self.limits.body_bytes:
                self._stop(too_large(None, self.limits.body_bytes))
        else:
            exchange.body = body
            if len(body) > self.limits.body_bytes:
                self._stop(too_large(None, self.limits.body_bytes))

    def on_chunk_header(self) -> None:
        self.chunks += 1
        got = len(self.reading.body) if self.reading is not None else 0
        if self.chunks > 1024 and self.chunks * 64 > got:
            self._stop(
                Refusal(400, f"{self.chunks} chunks carry {got} bytes: too small, send at least 64 a chunk", close=True)
            )
        if self.message_bytes > 2 * self.limits.body_bytes + SCRATCH_BYTES:
            self._stop(too_large(None, self.limits.body_bytes))

    def on_message_complete(self) -> None:
        exchange = self.reading
        self.reading = self.sink = None
        self.direct = False
        self.deadline = time.monotonic() + IDLE_SECONDS if exchange is None else float("inf")
        if exchange is None or self.deaf:
            return
        if self.current is None and not self.waiting and self.paused_since is None:
            self._start(exchange)
        elif len(self.waiting) < WAITING_EXCHANGES:
            self.waiting.append(exchange)
            self.transport.pause_reading()
        else:
            exchange.refusal = Refusal(
                400, f"more than {WAITING_EXCHANGES} requests sent without awaiting answers", close=True
            )
            self.waiting.append(exchange)
            self._stop(exchange.refusal)

    # Answers.

    def send(
        self, exchange: Exchange, status: int, body: bytes | list[bytes], content_type: bytes, headers: bytes
    ) -> None:
        """Writes one answer and goes on to the next exchange. Only the current exchange may answer."""
        transport = self.transport
        parts = [body] if isinstance(body, bytes) else body
        length = sum(map(len, parts))
        close = not exchange.keep_alive or self.listener.draining
        if exchange.echo:
            headers += exchange.echo
        if close:
            headers += b"Connection: close\r\n"
        elif exchange.headers.get(b"connection", b"").lower() == b"keep-alive":
            headers += b"Connection: keep-alive\r\n"
        head = b"%b%b\r\nContent-Length: %d\r\n%b\r\n" % (STATUS_LINES[status], content_type, length, headers)
        if self.reading is None and not self.in_head:
            self.deadline = time.monotonic() + IDLE_SECONDS
        if not transport.is_closing():
            if exchange.method == b"HEAD":
                transport.write(head)
            elif length < SCRATCH_BYTES:
                transport.write(b"".join((head, *parts)))
            else:
                transport.writelines([head, *parts])
        self.current = None
        self.served = True
        if self.waiting and not close:
            asyncio.get_running_loop().call_soon(self._next)
        elif close:
            self._hang_up()
        elif self.ended:
            transport.close()

    def _start(self, exchange: Exchange) -> None:
        self.current = exchange
        self.application.serve(exchange)

    def _next(self) -> None:
        if self.current is not None or not self.waiting or self.paused_since is not None:
            return
        exchange = self.waiting.popleft()
        if not self.waiting and not self.deaf:
            self.transport.resume_reading()
        self._start(exchange)

    def _hang_up(self) -> None:
        """Closes after the answer; where the client is still sending, waits a little so that it can read the answer."""
        unread, self.deaf = self.deaf, True
        for exchange in self.waiting:
            exchange.answered = True
            self.application.abandoned(exchange)
        self.waiting.clear()
        if unread and not self.ended and not self.transport.is_closing():
            self.direct = False
            self.deadline = time.monotonic() + LINGER_SECONDS
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self.transport.resume_reading()
        else:
            self.transport.close()

    # Errors of framing: the connection cannot go on.

    def _stop(self, refusal: Refusal) -> NoReturn:
        """Ends parsing from within a callback."""
        self.refusal = refusal
        raise refusal

    def _fail(self, refusal: Refusal) -> None:
        """Answers `refusal` after what came before it, and reads nothing more."""
        self.deaf, self.direct, self.sink = True, False, None
        self.deadline = float("inf")
        refusal.close = True
        exchange = self.reading
        if exchange is None and self.waiting and self.waiting[-1].refusal is refusal:
            return
        if exchange is None:
            exchange = Exchange(self, b"", b"", {}, time.monotonic())
        self.reading = None
        exchange.refusal = refusal
        if self.current is None and not self.waiting:
            self._start(exchange)
        else:
            self.waiting.append(exchange)
