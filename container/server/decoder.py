"""A decoder process: `python -m server.decoder FD`. Reads text bodies from shared memory, leaves tensors behind them.

Started by server.decoders: the model's signature comes on standard input, orders come on socket FD with the memory's
file descriptor, one at a time. Ends when the socket closes.
"""

from __future__ import annotations

import mmap
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

import orjson

from server import forms, oip_binary
from server.errors import Refusal
from server.log import log
from server.oip import Request, Signature, bad

ALIGNMENT = 64
# A float here and there in ten megabytes, so that the interpreter keeps its memory between bodies: a tenth of the time.
KEPT = [float(place) for place in range(400_000)][::5_000]


def main() -> int:
    # Ctrl-C reaches the whole process group; the server decides when its decoders end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signature = Signature.from_json(orjson.loads(sys.stdin.buffer.read()))
    # Reset or broken where the server ended without reading the last answer.
    with socket.socket(fileno=int(sys.argv[1])) as server, suppress(ConnectionError):
        while True:
            order, descriptors, _, _ = socket.recv_fds(server, 65536, 1)
            if not order:
                break
            server.sendall(orjson.dumps(answer(orjson.loads(order), descriptors[0], signature)) + b"\n")
    return 0


def answer(order: dict[str, Any], descriptor: int, signature: Signature) -> dict[str, Any]:
    """Decodes the body in the memory `descriptor` (closed here) and says where its tensors lie, or what is wrong."""
    try:
        with mmap.mmap(descriptor, 0) as memory:
            request = forms.decode(order["form"], memory[: order["length"]], signature, order["depth"])
            return _leave(request, memory, order["length"])
    except Refusal as refusal:
        return {"status": refusal.status, "error": refusal.message}
    except Exception as error:
        log("error", "a decoder failed", error=type(error).__name__)
        return {"status": 500, "error": "the body could not be decoded"}
    finally:
        os.close(descriptor)


def _leave(request: Request, memory: mmap.mmap, position: int) -> dict[str, Any]:
    inputs = []
    for array in request.arrays:
        raw = oip_binary.to_bytes(array)
        position += -position % ALIGNMENT
        if position + len(raw) > len(memory):
            raise bad("the tensors are larger than five times the body")
        memory[position : position + len(raw)] = raw
        inputs.append((position, len(raw), array.shape))
        position += len(raw)
    return {
        "id": request.id,
        "form": request.form,
        "wanted": [list(wanted) for wanted in request.wanted],
        "inputs": inputs,
    }


if __name__ == "__main__":
    sys.exit(main())
