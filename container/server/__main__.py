"""`python -m server [serve] [--serving PATH]`: binds, loads, warms up, replays canaries, serves, drains."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
import time
import traceback
from types import FrameType
from typing import Any

import orjson
import uvloop

from server import machine
from server.errors import StartError
from server.event_log import EventLog
from server.listener import Listener
from server.log import log
from server.routes import Application
from server.start import Start, start

SWEEP_SECONDS = 0.1


def main(arguments: list[str] | None = None) -> int:
    """Runs the server. Gives the exit code: 0 after a drain, 2 for a bad set-up, 3 for canaries that failed."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        settings = start(arguments)
        if settings.check:
            return _check(settings)
        listening = _bind(settings.host, settings.port)
        machine.raise_file_limit()
        return uvloop.run(Server(settings, listening).run())
    except StartError as error:
        return _fail(error)


def _end(number: int, _: FrameType | None) -> None:
    """Until the server can drain, it just ends. As process 1 it would not get a signal that it has no handler for."""
    os._exit(128 + number)


def _check(settings: Start) -> int:
    """`--check`: everything that must hold before the first request."""
    from server.preparation import check

    _tell({"check": check(settings.serving, settings.fetch)})
    return 0


def _fail(error: StartError) -> int:
    if os.environ.get("SLIPWAY_DEBUG") == "1":
        traceback.print_exception(error)
    else:
        print(error, file=sys.stderr, flush=True)
    return error.code


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(1024)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StartError(
            f"Cannot listen on {host}:{port}: {reason}. Choose another port (--port), or 0 for any free one."
        ) from error
    return listening


class Server:
    """The life of the process, from bound socket to drained."""

    def __init__(self, settings: Start, listening: socket.socket) -> None:
        self.settings = settings
        self.serving = settings.serving
        self.listening = listening
        self.application = Application(self.serving, settings.platform)
        self.listener = Listener(self.application, self.serving.limits)
        self.signals = 0
        self.events: EventLog | None = None

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        self.stopped: asyncio.Future[int] = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)
        await loop.create_server(self.listener, sock=self.listening, backlog=1024)
        host, port = self.listening.getsockname()[:2]
        _tell({"listening": {"host": host, "port": port}})
        loop.call_later(SWEEP_SECONDS, self._sweep)
        threading.Thread(target=self._prepare, args=(loop,), name="prepare", daemon=True).start()
        code = await self.stopped
        if self.events is not None:
            self.events.close()
        # Worker threads may still be inside ONNX Runtime: leave without tearing it down under them.
        sys.stderr.flush()
        os._exit(code)

    def _prepare(self, loop: asyncio.AbstractEventLoop) -> None:
        """Loads the model; on a thread of its own, so that health answers meanwhile."""
        from server.preparation import prepare

        try:
            prepared = prepare(self.serving, self.settings.fetch)
        except StartError as error:
            loop.call_soon_threadsafe(self._stop, _fail(error))
        except Exception as error:
            sentence = StartError(f"The model cannot be served: {type(error).__name__}: {str(error)[:300]}")
            sentence.__cause__ = error
            loop.call_soon_threadsafe(self._stop, _fail(sentence))
        else:
            loop.call_soon_threadsafe(self._open, prepared)

    def _open(self, prepared: Any) -> None:
        if self.signals:
            return
        facts = prepared.open(self.application, asyncio.get_running_loop())
        # What start-up allocated stays; collecting it again and again would cost every request.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        sys.setswitchinterval(0.0005)
        if self.settings.events is not None:
            self.events = EventLog(self.settings.events, self.serving.name, self.application.metrics.text)
            self.events.start()
        log("info", "ready", **facts, note=prepared.curve.note)
        _tell({"ready": facts}, self.settings.ready_fd)

    def _sweep(self) -> None:
        now = time.monotonic()
        self.listener.sweep(now)
        self.application.sweep(now)
        asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)

    def _signalled(self, number: int) -> None:
        self.signals += 1
        if self.signals > 1:
            os._exit(128 + number)
        log("info", "shutting down", signal=signal.Signals(number).name, in_flight=self.application.in_flight())
        self.application.drain()
        self.listener.draining = True
        self.listener.close_idle()
        self._await_drain(time.monotonic() + self.serving.drain_seconds)

    def _await_drain(self, end: float) -> None:
        if self.listener.quiet or time.monotonic() >= end:
            self._stop(0)
        else:
            asyncio.get_running_loop().call_later(0.02, self._await_drain, end)

    def _stop(self, code: int) -> None:
        if not self.stopped.done():
            self.stopped.set_result(code)


def _tell(record: dict[str, Any], descriptor: int | None = None) -> None:
    """One line for the program that started this one."""
    line = orjson.dumps(record) + b"\n"
    try:
        os.write(1, line)
        if descriptor is not None:
            os.write(descriptor, line)
            os.close(descriptor)
    except OSError:
        pass  # Nobody listens; the server serves all the same.


if __name__ == "__main__":
    sys.exit(main())
