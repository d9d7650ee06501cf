"""A stand-in for Google Cloud Storage and a machine's metadata server, over real HTTP, with faults on demand."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "ya29.token"
PAGE = 2


class Storage:
    """`objects` by name, all in one bucket 'models'. `faults`: what the next downloads do instead of answering well.

    A fault is an HTTP status, or a number of bytes (negative) after which the connection breaks.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.md5: dict[str, str] = {}
        self.faults: list[int] = []
        self.asked: list[tuple[str, str | None]] = []
        self.tokens = 0
        self.wants_token = False
        self.host = ""

    def environment(self) -> dict[str, str]:
        """As a process of Vertex AI would find it."""
        metadata = {"GCE_METADATA_HOST": self.host} if self.wants_token else {}
        return {"STORAGE_EMULATOR_HOST": f"http://{self.host}", **metadata}


@contextlib.contextmanager
def storage() -> Iterator[Storage]:
    """A running stand-in."""
    kept = Storage()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            if url.path.startswith("/computeMetadata/"):
                self.token()
                return
            kept.asked.append((unquote(url.path), self.headers.get("Range")))
            if kept.wants_token and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self.say(401, b"{}")
            elif not url.path.startswith("/storage/v1/b/models/o"):
                self.say(404, b"{}")
            elif url.path == "/storage/v1/b/models/o":
                self.page(query)
            else:
                self.object(unquote(url.path.removeprefix("/storage/v1/b/models/o/")))

        def token(self) -> None:
            if self.headers.get("Metadata-Flavor") != "Google":
                self.say(403, b"")
                return
            kept.tokens += 1
            self.say(200, json.dumps({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}).encode())

        def page(self, query: dict[str, str]) -> None:
            names = sorted(name for name in kept.objects if name.startswith(query.get("prefix", "")))
            first = int(query.get("pageToken", 0))
            answer: dict[str, Any] = {}
            entries = []
            for name in names[first : first + PAGE]:
                digest = base64.b64encode(hashlib.md5(kept.objects[name]).digest()).decode()
                size = str(len(kept.objects[name]))
                entries.append({"name": name, "size": size, "generation": "1", "md5Hash": kept.md5.get(name, digest)})
            if entries:
                answer["items"] = entries
            if first + PAGE < len(names):
                answer["nextPageToken"] = str(first + PAGE)
            self.say(200, json.dumps(answer).encode())

        def object(self, name: str) -> None:
            if name not in kept.objects:
                self.say(404, b"{}")
                return
            body, fault = kept.objects[name], kept.faults.pop(0) if kept.faults else 0
            if fault > 0:
                self.say(fault, b"{}")
                return
            start = int(self.headers.get("Range", "bytes=0-")[6:-1])
            part = body[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            self.wfile.write(part if fault == 0 else part[:-fault])
            self.close_connection = fault < 0

        def say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.host = f"127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
