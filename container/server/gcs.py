"""The first step of a start on Vertex AI: fetches a model's folder from Google Cloud Storage, as the machine's account.

Two requests of its JSON API, without an SDK: list what begins with a prefix, and read one object.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import http.client
import shutil
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import orjson

from server.errors import StartError, quote
from server.google_identity import Identity, identity
from server.log import log

TRIES = 6
TIMEOUT_SECONDS = 60.0
CHUNK_BYTES = 1 << 20
PAGES = 100
# Fetched before the port is open: serving.json and what it is read with. All else comes while health says 503.
FIRST_SUFFIXES = (".json", ".py")
FIRST_BYTES = 32 << 20


class Item(NamedTuple):
    """One object: its name in the bucket, its path below the prefix, bytes, base64 of its MD5 where there is one."""

    name: str
    path: str
    size: int
    md5: str | None
    generation: str


@dataclass
class Bucket:
    """How to speak to Cloud Storage. `identity` is None for an emulator, which asks for none."""

    base: str
    name: str
    identity: Identity | None
    pause: float = 0.5

    def list(self, prefix: str) -> list[Item]:
        """Every object below `prefix`, sorted. Raises StartError for a name that would leave the folder."""
        items: list[Item] = []
        page = ""
        for _ in range(PAGES):
            query = {"prefix": prefix, "fields": "items(name,size,md5Hash,generation),nextPageToken"}
            if page:
                query["pageToken"] = page
            url = f"{self.base}/storage/v1/b/{_quoted(self.name)}/o?{urllib.parse.urlencode(query)}"
            more, page = self._tried(f"gs://{self.name}/{prefix}", lambda url=url: self._page(url, prefix))
            items += more
            if not page:
                return sorted(items)
        raise StartError(f"gs://{self.name}/{prefix} holds more objects than a model has. Name the model's own folder.")

    def _page(self, url: str, prefix: str) -> tuple[list[Item], str]:
        with self._open(url) as answer:
            document = orjson.loads(answer.read())
        items = [
            Item(
                entry["name"],
                _safe(entry["name"], prefix),
                int(entry["size"]),
                entry.get("md5Hash"),
                str(entry.get("generation", "")),
            )
            for entry in document.get("items", [])
            if not entry["name"].endswith("/")
        ]
        return items, document.get("nextPageToken", "")

    def fetch(self, item: Item, target: Path) -> None:
        """Writes one object to `target`; goes on where a broken answer ended. Raises StartError."""
        where = f"gs://{self.name}/{item.name}"
        query = {"alt": "media"} | ({"generation": item.generation} if item.generation else {})
        url = f"{self.base}/storage/v1/b/{_quoted(self.name)}/o/{_quoted(item.name)}?{urllib.parse.urlencode(query)}"
        target.parent.mkdir(parents=True, exist_ok=True)

        def once() -> None:
            got = target.stat().st_size if target.exists() else 0
            if got > item.size:
                target.unlink()
                got = 0
            if got == item.size and target.exists():
                return
            with (
                self._open(url, {"Range": f"bytes={got}-"} if got else {}) as answer,
                # An answer without the range is the whole object again.
                target.open("ab" if got and answer.status == 206 else "wb") as file,
            ):
                shutil.copyfileobj(answer, file, CHUNK_BYTES)
            if target.stat().st_size != item.size:
                raise http.client.IncompleteRead(b"", item.size - target.stat().st_size)

        self._tried(where, once)
        if item.md5 is not None and _md5(target) != item.md5:
            target.unlink()
            raise StartError(f"{where} came with other bytes than Cloud Storage has: its MD5 differs. Start again.")

    def _open(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        headers = dict(headers or {})
        if self.identity is not None:
            headers["Authorization"] = f"Bearer {self.identity.bearer()}"
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS)

    def _tried(self, where: str, once: Callable[[], Any]) -> Any:
        """`once()`, again after a fault that may pass, with longer and longer pauses."""
        for number in range(TRIES):
            try:
                return once()
            except urllib.error.HTTPError as error:
                reason, passing = f"HTTP {error.code}", error.code in (408, 429) or error.code >= 500
                hint = _HINTS.get(error.code, "")
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, OSError) and error.errno in _OURS:
                    raise StartError(
                        f"{where} cannot be kept here: {error.strerror}. Mount a larger folder and name it in TMPDIR."
                    ) from error
                inner = getattr(error, "reason", error)
                reason, passing, hint = f"{type(inner).__name__}: {inner}", True, ""
            except (KeyError, TypeError, ValueError) as error:
                raise StartError(f"{where} was answered with something else than Cloud Storage's JSON.") from error
            if not passing or number == TRIES - 1:
                tries = f" after {number + 1} tries" if number else ""
                raise StartError(f"{where} cannot be fetched{tries}: {reason}.{hint}")
            log("warning", "fetching again", what=where, reason=reason, tried=number + 1)
            time.sleep(self.pause * 2**number)
        raise AssertionError("unreachable")


# Faults of this machine's disk, not of the way to the bucket.
_OURS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG)
_HINTS = {
    401: " The endpoint's service account was refused.",
    403: " Give the endpoint's service account the role roles/storage.objectViewer on it.",
    404: " There is no such bucket or object.",
}


@dataclass
class Folder:
    """A model's folder on its way from a bucket to this machine."""

    bucket: Bucket
    folder: Path
    rest: list[Item] = field(default_factory=list)

    def finish(self) -> None:
        """Fetches what is not here yet."""
        for item in self.rest:
            self.bucket.fetch(item, self.folder / item.path)
        total = sum(item.size for item in self.rest)
        log("info", "fetched", bucket=self.bucket.name, objects=len(self.rest), bytes=total)


def begin(uri: str, environment: Mapping[str, str]) -> Folder:
    """Lists gs://BUCKET/FOLDER and fetches serving.json and other small text. Raises StartError."""
    scheme, _, rest = uri.partition("://")
    name, _, prefix = rest.partition("/")
    if scheme != "gs" or not name:
        raise StartError(f"AIP_STORAGE_URI is {quote(uri, 200)}; gs://BUCKET/FOLDER is wanted.")
    prefix = f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""
    bucket = Bucket(*_addresses(name, environment))
    items = bucket.list(prefix)
    if "serving.json" not in [item.path for item in items]:
        raise StartError(
            f"AIP_STORAGE_URI is {quote(uri, 200)}, and there is no serving.json in it ({len(items)} objects). "
            "Publish the folder that slipway optimize wrote."
        )
    folder = _folder(sum(item.size for item in items), uri)
    first = [item for item in items if item.path.endswith(FIRST_SUFFIXES) and item.size <= FIRST_BYTES]
    for item in first:
        bucket.fetch(item, folder / item.path)
    return Folder(bucket, folder, [item for item in items if item not in first])


def _addresses(name: str, environment: Mapping[str, str]) -> tuple[str, str, Identity | None]:
    emulator, metadata = environment.get("STORAGE_EMULATOR_HOST", ""), environment.get("GCE_METADATA_HOST", "")
    base = (emulator if "://" in emulator else f"http://{emulator}") if emulator else "https://storage.googleapis.com"
    return base.rstrip("/"), name, None if emulator and not metadata else identity(environment)


def _folder(size: int, uri: str) -> Path:
    try:
        folder = Path(tempfile.mkdtemp(prefix="slipway-model-"))
    except OSError as error:
        raise StartError(
            f"{quote(uri, 200)} cannot be fetched: no folder can be written ({error.strerror}). "
            "Mount a writable one and name it in TMPDIR."
        ) from error
    free = shutil.disk_usage(folder).free
    if free < size:
        folder.rmdir()
        raise StartError(
            f"{quote(uri, 200)} has {size} bytes, and {folder.parent} has room for {free}. "
            "Mount a larger folder and name it in TMPDIR."
        )
    return folder


def _safe(name: str, prefix: str) -> str:
    path = PurePosixPath(name.removeprefix(prefix))
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise StartError(f"The bucket has an object {quote(name, 200)}, which lies in no folder. Remove it.")
    return str(path)


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return base64.b64encode(digest.digest()).decode()
