"""In which form a body comes and its answer goes: the Open Inference Protocol, rows in JSON, CSV or .npy."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from server import instances, oip_binary, oip_json, tables
from server.errors import Refusal
from server.exchange import JSON
from server.oip import Request, Signature, Wanted, bad, kind

Answer = tuple[bytes | list[bytes], bytes, bytes]
"""Body, content type, further header lines."""

_ACCEPTED = {
    b"application/json": "json",
    b"text/csv": "csv",
    b"application/x-npy": "npy",
    b"application/octet-stream": "",
    b"application/*": "",
    b"text/*": "csv",
    b"*/*": "",
}
_JSON_TYPES = (None, b"", b"application/json")


def body_form(headers: dict[bytes, bytes]) -> str:
    """How to read the body of a request to a path that takes any form: 'any-json', 'csv', 'npy' or 'raw'."""
    content = headers.get(b"content-type")
    if content in _JSON_TYPES:
        return "any-json"
    media = content.partition(b";")[0].strip().lower()
    return {tables.CSV: "csv", tables.NPY: "npy", oip_binary.CONTENT_TYPE: "raw"}.get(media, "any-json")


def answer_form(headers: dict[bytes, bytes]) -> str:
    """The form that `Accept` asks for: 'json', 'csv', 'npy', or '' for that of the request. Raises Refusal (406)."""
    accept = headers.get(b"accept")
    if accept is None or accept == b"*/*":
        return ""
    offers = []
    for place, entry in enumerate(accept.lower().split(b",")):
        media, *parameters = [part.strip() for part in entry.split(b";")]
        quality = next((_quality(part[2:]) for part in parameters if part.startswith(b"q=")), 1.0)
        if quality > 0 and (media in _ACCEPTED or media.startswith(b"application/vnd.")):
            offers.append((-quality, place, _ACCEPTED.get(media, "")))
    if not offers:
        raise Refusal(406, "the answer can be application/json, text/csv or application/x-npy; accept one of them")
    return min(offers)[2]


def _quality(text: bytes) -> float:
    return float(text) if re.fullmatch(rb"[01](\.\d{0,3})?", text) else 1.0


def decode(form: str, body: bytes | bytearray | memoryview, signature: Signature, depth: int) -> Request:
    """Reads a body in one of the forms of `body_form`, or in 'json', which is the Open Inference Protocol alone.

    Raises Refusal (400).
    """
    if form == "any-json":
        return _any_json(_bytes(body), signature, depth)
    if form == "json":
        return oip_json.decode(_bytes(body), signature, depth)
    if form == "csv":
        return tables.read_csv(body, signature)
    if form == "npy":
        return tables.read_npy(body, signature)
    return oip_binary.decode(body, 0, signature, depth)


def _any_json(body: bytes | bytearray, signature: Signature, depth: int) -> Request:
    document = oip_json.parse(body, depth)
    if type(document) is not dict:
        raise bad(f"the body is {kind(document)}; an object with 'inputs' or 'instances' is wanted")
    if "inputs" in document:
        return oip_json.take(document, body, signature)
    if "instances" in document:
        return instances.take(document, signature)
    raise bad("the body has neither 'inputs' (Open Inference Protocol) nor 'instances' (rows)")


def _bytes(body: bytes | bytearray | memoryview) -> bytes | bytearray:
    return bytes(body) if isinstance(body, memoryview) else body


def encode(
    signature: Signature, request: Request, outputs: Sequence[np.ndarray], accepted: str, platform: bytes | None
) -> Answer:
    """The answer to `request`; `outputs` has one array per wanted output, `accepted` is what `answer_form` gave.

    `platform`: whose content type says the length of a binary answer's JSON head. Raises Refusal (400, 406).
    """
    form = accepted or request.form
    if form in ("csv", "npy"):
        if len(outputs) == 1:
            if form == "csv":
                return tables.write_csv(outputs), tables.CSV, b""
            return tables.write_npy(outputs), tables.NPY, b""
        if accepted:
            raise Refusal(406, f"{form} carries one output, and there are {len(outputs)}; accept application/json")
        form = "json"
    if form == "json":
        form = "oip" if request.form == "oip" else "instances"
        request = Request(
            request.arrays, [Wanted(wanted.place, False) for wanted in request.wanted], request.id, request.form
        )
    if form == "instances":
        return instances.predictions(signature, request, outputs), JSON, b""
    if oip_binary.wants_binary(request.wanted):
        length, parts = oip_binary.encode(signature, request, outputs)
        media = oip_binary.CONTENT_TYPE
        if platform is not None:
            media = b"application/vnd.%b-triton.binary+json;json-header-size=%d" % (platform, length)
        return parts, media, b"Inference-Header-Content-Length: %d\r\n" % length
    return oip_json.encode(signature, request, outputs), JSON, b""
