"""Large JSON and CSV bodies: decoded in processes of their own, because parsing holds the interpreter's lock so long.

A body is received into shared memory. A decoder process gets the memory's file descriptor, parses, and leaves the
tensors behind the body in the same memory; only a line of JSON travels back. No pickle, no copies between processes.
Decoders start with the first large body, end with the server (their socket closes, however the server ends), and one
that crashes fails only the request it had.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from server import machine, oip_binary
from server.errors import Refusal
from server.log import log
from server.oip import Request, Signature, Wanted

# Below this the event loop decodes in less time (half a millisecond at most) than the way to a decoder is worth.
LARGE_BYTES = 65536
# Bodies whose memory is kept for the next ones, and how much memory all of them may hold.
SPARE = 16
SPARE_BYTES = 64 << 20

Done = Callable[[Request | Refusal], None]


class Shared:
    """Memory that a decoder can be given: a body of `length` bytes, and room for the tensors it can hold."""

    def __init__(self, length: int) -> None:
        # The shortest JSON number and its comma are 2 bytes, the longest element 8. Untouched pages cost nothing.
        self.size = 64 + 5 * length
        if hasattr(os, "memfd_create"):
            self.descriptor = os.memfd_create("body", os.MFD_CLOEXEC)
        else:
            with tempfile.TemporaryFile() as file:
                self.descriptor = os.dup(file.fileno())
        os.ftruncate(self.descriptor, self.size)
        self.memory = mmap.mmap(self.descriptor, self.size)
        self.hold(length)

    def hold(self, length: int) -> None:
        """Makes room for a body of `length` bytes, which must not need more than the memory there is."""
        self.length = length
        self.held = 0
        self.body = memoryview(self.memory)[:length]

    def __del__(self) -> None:
        os.close(self.descriptor)


class Decoder:
    """One process, its socket, and the job it has."""

    __slots__ = ("job", "process", "received", "socket")

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        self.process = process
        self.socket = connection
        self.received = b""
        self.job: tuple[Shared, str, Done] | None = None


class Pool:
    """At most `count` decoders for one model. Every method is for the event loop."""

    def __init__(self, signature: Signature, count: int, depth: int, loop: asyncio.AbstractEventLoop) -> None:
        self._signature = signature
        self._count = count
        self._depth = depth
        self._loop = loop
        self._queue: deque[tuple[Shared, str, Done]] = deque()
        self._decoders: list[Decoder] = []
        self._ending: list[subprocess.Popen[bytes]] = []
        self._spare: list[Shared] = []

    def pids(self) -> list[int]:
        """Process ids of the decoders that run."""
        return [decoder.process.pid for decoder in self._decoders]

    def cpu_seconds(self) -> float:
        """Processor time of this process and of every decoder, also of those that have ended."""
        self._ending = [process for process in self._ending if process.poll() is None]
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return machine.cpu_seconds(self.pids()) + ended.ru_utime + ended.ru_stime

    def room(self, length: int) -> Shared:
        """Memory for a body of `length` bytes; rather some that has served before, because its pages are there."""
        for place, shared in enumerate(self._spare):
            if length <= (shared.size - 64) // 5 <= 2 * length:
                del self._spare[place]
                shared.hold(length)
                return shared
        return Shared(length)

    def give_back(self, shared: Shared) -> None:
        """Takes memory that nothing looks at any more: neither a tensor nor a decoder."""
        shared.held = os.fstat(shared.descriptor).st_blocks * 512
        self._spare.append(shared)
        while len(self._spare) > SPARE or sum(entry.held for entry in self._spare) > SPARE_BYTES:
            del self._spare[0]

    def decode(self, shared: Shared, form: str, done: Done) -> None:
        """Decodes a body in a form that is text (see forms); `done` gets the request, or its refusal, later."""
        self._queue.append((shared, form, done))
        self._dispatch()

    def cancel(self, shared: Shared) -> None:
        """Nobody waits for this body any more: if it waits for a decoder, it goes. One being decoded is finished."""
        self._queue = deque(entry for entry in self._queue if entry[0] is not shared)

    def _dispatch(self) -> None:
        while self._queue:
            decoder = next((entry for entry in self._decoders if entry.job is None), None)
            if decoder is None:
                if len(self._decoders) >= self._count:
                    return
                decoder = self._start()
            shared, form, _ = decoder.job = self._queue.popleft()
            order = orjson.dumps({"length": shared.length, "depth": self._depth, "form": form})
            try:
                socket.send_fds(decoder.socket, [order], [shared.descriptor])
            except OSError:
                self._ended(decoder)

    def _start(self) -> Decoder:
        ours, theirs = socket.socketpair()
        folder = str(Path(__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
        process = subprocess.Popen(
            [sys.executable, "-m", "server.decoder", str(theirs.fileno())],
            stdin=subprocess.PIPE,
            stdout=2,
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": path},
        )
        theirs.close()
        ours.setblocking(False)
        with process.stdin as pipe:  # type: ignore[union-attr]
            pipe.write(orjson.dumps(self._signature.to_json()))
        decoder = Decoder(process, ours)
        self._decoders.append(decoder)
        self._loop.add_reader(ours, self._readable, decoder)
        return decoder

    def _readable(self, decoder: Decoder) -> None:
        try:
            data = decoder.socket.recv(65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._ended(decoder)
            return
        decoder.received += data
        if not decoder.received.endswith(b"\n") or decoder.job is None:
            return
        reply, decoder.received = orjson.loads(decoder.received), b""
        (shared, _, done), decoder.job = decoder.job, None
        self._dispatch()
        done(_result(reply, shared, self._signature))

    def _ended(self, decoder: Decoder) -> None:
        """A decoder is gone: its request fails, the next one gets a new decoder."""
        self._loop.remove_reader(decoder.socket)
        decoder.socket.close()
        self._decoders.remove(decoder)
        self._ending.append(decoder.process)
        log("error", "a decoder process ended", pid=decoder.process.pid, code=decoder.process.poll())
        job, decoder.job = decoder.job, None
        if job is not None:
            job[2](Refusal(500, "the body could not be decoded: its decoder ended"))
        self._dispatch()


def _result(reply: dict[str, Any], shared: Shared, signature: Signature) -> Request | Refusal:
    if "error" in reply:
        return Refusal(reply["status"], reply["error"])
    arrays = []
    for spec, (offset, size, shape) in zip(signature.inputs, reply["inputs"], strict=True):
        count = int(np.prod(shape, dtype=np.int64))
        arrays.append(oip_binary.from_bytes(shared.memory, offset, size, spec, shape, count))
    wanted = [Wanted(place, binary) for place, binary in reply["wanted"]]
    return Request(arrays, wanted, reply["id"], reply["form"])
