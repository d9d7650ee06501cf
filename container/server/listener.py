"""What the connections of one server share, and the clock that ends the slow ones."""

from __future__ import annotations

from server.config import Limits
from server.exchange import Application
from server.http import SCRATCH_BYTES, Connection


class Listener:
    """What all connections of one server share: the application, the limits, one read buffer, the open connections."""

    def __init__(self, application: Application, limits: Limits) -> None:
        self.application = application
        self.limits = limits
        self.connections: set[Connection] = set()
        self.raw = bytearray(SCRATCH_BYTES)
        self.scratch = memoryview(self.raw)
        self.draining = False

    def __call__(self) -> Connection:
        return Connection(self)

    def sweep(self, now: float) -> None:
        """Ends connections that are too slow. Call a few times a second."""
        for connection in [entry for entry in self.connections if entry.due < now]:
            connection.late()

    @property
    def quiet(self) -> bool:
        """No request is being read, worked on or answered."""
        return not any(entry.busy or entry.transport.get_write_buffer_size() for entry in self.connections)

    def close_idle(self) -> None:
        """Closes the kept-alive connections that no request is on. New ones may be about to ask: they get an answer."""
        for connection in [entry for entry in self.connections if entry.idle and entry.served]:
            connection.transport.close()
