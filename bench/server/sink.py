"""What bare ONNX Runtime reaches while bodies arrive: `python sink.py PORT THREADS`, BENCH_FOLDER and BENCH_MODEL set.

The threads run the model on a tensor of their own, without a pause. Each finished run lets one waiting request have its
answer, so the load generator sends exactly as many bodies as runs are made; the bodies are read and thrown away. No
server that reads its bodies and runs the model can do better with the same threads. `GET /` gives the runs so far.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import deque
from pathlib import Path

import httptools
import uvloop
import workload

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"


class Sink:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.runs = 0
        self.waiting: deque[asyncio.Transport] = deque()

    def work(self) -> None:
        name = os.environ["BENCH_MODEL"]
        model, tensor = workload.session(Path(os.environ["BENCH_FOLDER"]), name), workload.sample(name)
        while True:
            model.run(None, {"x": tensor})
            self.loop.call_soon_threadsafe(self.release)

    def release(self) -> None:
        self.runs += 1
        while self.waiting:
            transport = self.waiting.popleft()
            if not transport.is_closing():
                transport.write(HEAD % (2, b"{}"))
                return


class Connection(asyncio.BufferedProtocol):
    buffer = memoryview(bytearray(1 << 20))

    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.parser.feed_data(self.buffer[:nbytes])

    def on_message_complete(self) -> None:
        if self.parser.get_method() == b"GET":
            text = b"%d" % self.sink.runs
            self.transport.write(HEAD % (len(text), text))
        else:
            self.sink.waiting.append(self.transport)


async def main() -> None:
    loop = asyncio.get_running_loop()
    sink = Sink(loop)
    await loop.create_server(lambda: Connection(sink), "127.0.0.1", int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        threading.Thread(target=sink.work, daemon=True).start()
    await loop.create_future()


if __name__ == "__main__":
    uvloop.run(main())
