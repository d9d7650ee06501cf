"""What each path does: health and metadata of the Open Inference Protocol, /ping, /metrics, and the way of an inference
request from its bytes to its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import orjson

from server import VERSION, machine, metrics, oip_binary, oip_json
from server.batching import Batcher, Job
from server.config import Serving
from server.decoders import LARGE_BYTES, Pool, Shared
from server.errors import Refusal, cause, quote, too_large
from server.exchange import JSON, Exchange
from server.log import log
from server.oip import Request, Signature
from server.session import Model

EXTENSIONS = ["binary_tensor_data"]
RETRY = b"Retry-After: 1\r\n"


class Target(NamedTuple):
    """Where a path leads. `get` answers GET and HEAD; `route` is the metric label of an inference path."""

    get: Callable[[Exchange], None] | None
    route: str | None


class Inference:
    """An inference request that is being worked on."""

    __slots__ = ("arrived", "job", "platform", "request", "shared")

    def __init__(self) -> None:
        self.arrived = 0.0
        self.platform: bytes | None = None
        self.request: Request | None = None
        self.job: Job | None = None
        self.shared: Shared | None = None


class Application:
    """Answers every exchange. Until `open` is called, and after `drain`, it is alive but not ready."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.limits = serving.limits
        self.metrics = metrics.Metrics(serving.name)
        self.model: Model | None = None
        self.signature: Signature | None = None
        self.batcher: Batcher | None = None
        self.decoders: Pool | None = None
        self.ready = False
        self.draining = False
        self.in_flight: dict[Exchange, Inference] = {}
        self.targets = self._targets()
        self._gauges()

    def open(self, model: Model, batcher: Batcher, decoders: Pool | None) -> None:
        """The model is loaded and its canaries have passed: ready."""
        self.model, self.signature, self.batcher = model, model.signature, batcher
        self.decoders = decoders
        self.ready = not self.draining

    def drain(self) -> None:
        """Takes no more inference requests; those in flight go on."""
        self.draining, self.ready = True, False

    def _gauges(self) -> None:
        model = (("model", self.serving.name),)
        gauge, processors, memory, start = self.metrics.gauge, machine.processors(), machine.memory_limit(), time.time()
        gauge("onnx_queue_limit", model, lambda: self.limits.queue)
        gauge("onnx_requests_in_flight", model, lambda: len(self.in_flight))
        gauge("onnx_model_ready", model, lambda: int(self.ready))
        gauge("onnx_processors", (), lambda: processors)
        gauge("onnx_memory_limit_bytes", (), lambda: memory)
        gauge("process_cpu_seconds_total", (), self._cpu_seconds, "counter")
        gauge("process_resident_memory_bytes", (), lambda: machine.resident_bytes(self._children()))
        gauge("process_start_time_seconds", (), lambda: start)

    def _children(self) -> list[int]:
        return [] if self.decoders is None else self.decoders.pids()

    def _cpu_seconds(self) -> float:
        return machine.cpu_seconds([]) if self.decoders is None else self.decoders.cpu_seconds()

    def _targets(self) -> dict[bytes, Target]:
        model = f"/v2/models/{self.serving.name}"
        version = f"{model}/versions/{self.serving.version}"
        table = {
            "/": Target(self._root, None),
            "/ping": Target(self._ready, None),
            "/metrics": Target(self._metrics, None),
            "/v2": Target(self._server, None),
            "/v2/health/live": Target(lambda exchange: exchange.answer(200, b'{"live":true}'), None),
            "/v2/health/ready": Target(self._ready, None),
            "/invocations": Target(None, "/invocations"),
        }
        for base, label in ((model, "/v2/models/{model}"), (version, "/v2/models/{model}/versions/{version}")):
            table[base] = Target(self._model, None)
            table[f"{base}/ready"] = Target(self._ready, None)
            table[f"{base}/infer"] = Target(None, f"{label}/infer")
        return {path.encode(): target for path, target in table.items()}

    # What HTTP calls.

    def admit(self, exchange: Exchange, length: int | None) -> memoryview | None:
        target = self.targets.get(exchange.path)
        if target is None:
            target = self._look_up(exchange.path)
        exchange.target = target
        if length is not None and length > self.limits.body_bytes:
            raise too_large(length, self.limits.body_bytes)
        encoding = exchange.headers.get(b"content-encoding")
        if encoding is not None and encoding.strip().lower() not in (b"", b"identity"):
            given = quote(encoding.decode("latin-1"))
            raise Refusal(415, f"Content-Encoding {given} is not supported; send the body as it is")
        if target.route is None or not self.ready:
            return None
        # Made while ready, so served even when the drain begins before its body ends.
        inference = exchange.state = Inference()
        if length is None or length < LARGE_BYTES:
            return None
        head = oip_binary.head_length(exchange.headers)
        if head is not None:
            exchange.body = oip_binary.room(length, head[0])
            return exchange.body
        if self.decoders is None:
            return None
        inference.shared = self.decoders.room(length)
        return inference.shared.body

    def serve(self, exchange: Exchange) -> None:
        target: Target | None = exchange.target
        try:
            if exchange.refusal is not None:
                raise exchange.refusal
            if target is None:
                raise Refusal(404, "nothing is served here")
            if target.route is not None:
                self._infer(exchange)
            elif target.get is not None:
                if exchange.method not in (b"GET", b"HEAD"):
                    raise _method(exchange, b"GET, HEAD")
                target.get(exchange)
        except Refusal as refusal:
            self._refuse(exchange, refusal)
        except Exception as error:
            self._fail(exchange, error)

    def abandoned(self, exchange: Exchange) -> None:
        inference = self.in_flight.pop(exchange, None)
        exchange.state = None
        if inference is None:
            return
        if inference.job is not None and self.batcher is not None:
            self.batcher.cancel(inference.job)
        elif inference.shared is not None and self.decoders is not None:
            self.decoders.cancel(inference.shared)

    def sweep(self, now: float) -> None:
        """Answers 504 where the time for a request is over. Call several times a second."""
        latest = now - self.limits.request_seconds
        late = [
            (exchange, inference.job) for exchange, inference in self.in_flight.items() if exchange.started < latest
        ]
        late.sort(key=lambda entry: entry[1] is not None and entry[1].started > 0)
        waiting = {exchange for exchange, job in late if job is None or job.started == 0}
        # Those that wait first: a worker whose run is stopped would take them.
        for exchange, _ in late:
            self.abandoned(exchange)
        for exchange, _ in late:
            message = f"not answered within {self.limits.request_seconds:g} s"
            self._refuse(exchange, Refusal(504, message, reason="timeout" if exchange in waiting else None))

    # GET.

    def _root(self, exchange: Exchange) -> None:
        model = f"/v2/models/{self.serving.name}"
        links = {"infer": f"{model}/infer", "model": model, "ready": "/v2/health/ready", "metrics": "/metrics"}
        exchange.answer(200, orjson.dumps({"name": "slipway", "version": VERSION, "links": links}))

    def _server(self, exchange: Exchange) -> None:
        exchange.answer(200, orjson.dumps({"name": "slipway", "version": VERSION, "extensions": EXTENSIONS}))

    def _ready(self, exchange: Exchange) -> None:
        if self.ready:
            exchange.answer(200, b'{"ready":true}')
        else:
            exchange.answer(503, orjson.dumps({"ready": False, "error": self._why_not()}), JSON, RETRY)

    def _model(self, exchange: Exchange) -> None:
        signature = self.signature
        if signature is None:
            raise Refusal(503, self._why_not(), headers=RETRY)
        body = {
            "name": signature.name,
            "versions": [signature.version],
            "platform": "onnxruntime_onnx",
            "inputs": [spec.metadata() for spec in signature.inputs],
            "outputs": [spec.metadata() for spec in signature.outputs],
        }
        exchange.answer(200, orjson.dumps(body))

    def _metrics(self, exchange: Exchange) -> None:
        exchange.answer(200, self.metrics.text(), metrics.CONTENT_TYPE)

    def _why_not(self) -> str:
        return "the server is shutting down" if self.draining else "the model is being loaded; try again soon"

    # Inference, in the order of its stages.

    def _infer(self, exchange: Exchange) -> None:
        if exchange.method != b"POST":
            raise _method(exchange, b"POST")
        signature = self.signature
        inference: Inference | None = exchange.state
        if inference is None or signature is None:
            raise Refusal(503, self._why_not(), reason="shutdown" if self.draining else None, headers=RETRY)
        if len(self.in_flight) >= self.limits.queue:
            message = f"{self.limits.queue} requests are waiting or running, the most there may be; try again later"
            raise Refusal(503, message, reason="queue_full", headers=RETRY)
        inference.arrived = time.monotonic()
        depth = self.limits.json_depth
        head = oip_binary.head_length(exchange.headers)
        if head is not None:
            size, inference.platform = head
            self._submit(exchange, inference, oip_binary.decode(exchange.body, size, signature, depth))
        elif inference.shared is None and (self.decoders is None or len(exchange.body) < LARGE_BYTES):
            self._submit(exchange, inference, oip_json.decode(bytes(exchange.body), signature, depth))
        else:
            self._decode_elsewhere(exchange, inference)

    def _decode_elsewhere(self, exchange: Exchange, inference: Inference) -> None:
        shared = inference.shared
        if shared is None:  # Came in chunks, so its size was not known when it began.
            shared = inference.shared = self.decoders.room(len(exchange.body))  # type: ignore[union-attr]
            shared.body[:] = exchange.body
            exchange.body = b""

        def done(result: Request | Refusal) -> None:
            if self.in_flight.get(exchange) is not inference:
                return
            if isinstance(result, Refusal):
                del self.in_flight[exchange]
                self._refuse(exchange, result)
            else:
                self._submit(exchange, inference, result)

        self.in_flight[exchange] = inference
        self.decoders.decode(shared, done)  # type: ignore[union-attr]

    def _submit(self, exchange: Exchange, inference: Inference, request: Request) -> None:
        inference.request = request
        rows, key = self.model.key(request.arrays)  # type: ignore[union-attr]

        job = inference.job = Job(request.arrays, rows, key, self._done, exchange)
        self.in_flight[exchange] = inference
        self.batcher.submit(job)  # type: ignore[union-attr]

    def _done(self, job: Job) -> None:
        exchange: Exchange = job.owner
        inference: Inference | None = self.in_flight.pop(exchange, None)
        if inference is None:
            return
        if job.error is not None:
            self._fail(exchange, job.error)
            return
        request, signature = inference.request, self.signature
        finished = time.monotonic()
        outputs = [job.outputs[wanted.place] for wanted in request.wanted]  # type: ignore[index,union-attr]
        extra, kind = b"", JSON
        if oip_binary.wants_binary(request.wanted):  # type: ignore[union-attr]
            length, body = oip_binary.encode(signature, request, outputs)  # type: ignore[arg-type]
            extra = b"Inference-Header-Content-Length: %d\r\n" % length
            kind = oip_binary.CONTENT_TYPE
            if inference.platform is not None:
                kind = b"application/vnd.%b-triton.binary+json;json-header-size=%d" % (inference.platform, length)
        else:
            body = oip_json.encode(signature, request, outputs)  # type: ignore[arg-type]
        exchange.answer(200, body, kind, extra)
        if inference.shared is not None:
            # The run is over and its answer written: the tensors in this memory are not looked at again.
            self.decoders.give_back(inference.shared)  # type: ignore[union-attr]
        now = time.monotonic()
        stages = (job.started - job.queued, job.queued - inference.arrived, job.run_seconds, now - finished)
        self.metrics.served(exchange.target.route, (*stages, now - exchange.started))

    def _fail(self, exchange: Exchange, error: Exception) -> None:
        """Something of ours went wrong: says so to the log, and to the client without internals."""
        log("error", "request failed", error=cause(error))
        self._refuse(exchange, Refusal(500, "the model could not be run on this input"))

    def _refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        exchange.refuse(refusal)
        target: Target | None = exchange.target
        if target is None or target.route is None or exchange.method != b"POST":
            return
        self.metrics.counted(refusal.status)
        if refusal.reason is not None:
            self.metrics.rejected[refusal.reason] += 1
        self.metrics.answered("POST", target.route, refusal.status, time.monotonic() - exchange.started)

    def _look_up(self, path: bytes) -> Target:
        """A path that is not spelled as in the table: with %-escapes, or of another model. Raises Refusal (404)."""
        plain = unquote_to_bytes(path)
        target = self.targets.get(plain)
        if target is not None:
            return target
        parts = plain.split(b"/")
        if parts[:3] == [b"", b"v2", b"models"] and len(parts) > 3:
            model, version = self.serving.name, self.serving.version
            if parts[3] != model.encode():
                raise Refusal(
                    404, f"unknown model {quote(parts[3].decode('utf-8', 'replace'))}; this server has {quote(model)}"
                )
            if len(parts) > 5 and parts[4] == b"versions" and parts[5] != version.encode():
                given = quote(parts[5].decode("utf-8", "replace"))
                raise Refusal(404, f"unknown version {given} of {quote(model)}; this server has {quote(version)}")
        raise Refusal(404, "nothing is served here; GET / lists what is")


def _method(exchange: Exchange, allowed: bytes) -> Refusal:
    given = quote(exchange.method.decode("latin-1"))
    return Refusal(
        405, f"the method {given} is not allowed here; use {allowed.decode()}", headers=b"Allow: %b\r\n" % allowed
    )
