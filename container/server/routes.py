"""What each path does: health and metadata of the Open Inference Protocol, what the platforms call, /metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import orjson

from server import VERSION, machine, metrics
from server.batching import Batcher
from server.config import Serving
from server.decoders import Pool
from server.drift import Drift
from server.errors import Refusal, cause, quote, too_large
from server.exchange import JSON, Exchange
from server.hooks.threads import Threads
from server.inference import RETRY, Inference, Inferences
from server.log import log
from server.oip import Signature
from server.platforms import Platform, redirect
from server.session import Model
from server.waits import Waits, own_seconds

EXTENSIONS = ["binary_tensor_data"]


class Target(NamedTuple):
    """Where a path leads. `get` answers GET and HEAD; `route` is the metric label of an inference path.

    `any_form`: a platform's predict path, which takes bodies in every form and may be meant for another path.
    """

    get: Callable[[Exchange], None] | None
    route: str | None
    any_form: bool = False


class Application:
    """Answers every exchange. Until `open` is called, and after `drain`, it is alive but not ready."""

    def __init__(self, serving: Serving, platform: Platform | None = None) -> None:
        self.serving = serving
        self.limits = serving.limits
        self.metrics = metrics.Metrics(serving.name)
        self.signature: Signature | None = None
        self.inferences: Inferences | None = None
        self.drift: Drift | None = None
        self.ready = False
        self.draining = False
        self.targets = self._targets(platform or Platform())
        self._gauges()

    def open(
        self,
        model: Model,
        batcher: Batcher,
        decoders: Pool | None,
        threads: Threads | None = None,
        drift: Drift | None = None,
    ) -> None:
        """The model is loaded and its canaries have passed: ready."""
        self.signature = model.signature
        self.drift = drift
        self.inferences = Inferences(self.limits, self.metrics, model, batcher, decoders, threads, self._refuse)
        self.ready = not self.draining

    def drain(self) -> None:
        """Takes no more inference requests; those in flight go on."""
        self.draining, self.ready = True, False

    def _gauges(self) -> None:
        model = (("model", self.serving.name),)
        gauge, processors, memory, start = self.metrics.gauge, machine.processors(), machine.memory_limit(), time.time()
        since, waits = time.monotonic(), Waits()
        gauge("onnx_queue_limit", model, lambda: self.limits.queue)
        gauge("onnx_requests_in_flight", model, self.in_flight)
        gauge("onnx_model_ready", model, lambda: int(self.ready))
        gauge("onnx_processors", (), lambda: processors)
        gauge("onnx_memory_limit_bytes", (), lambda: memory)
        gauge("process_cpu_seconds_total", (), self._cpu_seconds, "counter")
        gauge("onnx_processor_wait_seconds_total", (), lambda: waits.seconds(self._children()), "counter")
        self.metrics.family("onnx_event_loop_seconds_total", "counter", _of_event_loop)
        gauge("process_resident_memory_bytes", (), lambda: machine.resident_bytes(self._children()))
        gauge("process_start_time_seconds", (), lambda: start)
        gauge("onnx_uptime_seconds_total", (), lambda: time.monotonic() - since, "counter")

    def in_flight(self) -> int:
        """Inference requests accepted and not yet answered."""
        return 0 if self.inferences is None else len(self.inferences.in_flight)

    def _decoders(self) -> Pool | None:
        return None if self.inferences is None else self.inferences.decoders

    def _children(self) -> list[int]:
        decoders = self._decoders()
        return [] if decoders is None else decoders.pids()

    def _cpu_seconds(self) -> float:
        decoders = self._decoders()
        return machine.cpu_seconds([]) if decoders is None else decoders.cpu_seconds()

    def _targets(self, platform: Platform) -> dict[bytes, Target]:
        model = f"/v2/models/{self.serving.name}"
        version = f"{model}/versions/{self.serving.version}"
        table = {
            "/": Target(self._root, None),
            "/ping": Target(self._ready, None),
            "/metrics": Target(self._metrics, None),
            "/report": Target(self._report, None),
            "/v2": Target(self._server, None),
            "/v2/health/live": Target(lambda exchange: exchange.answer(200, b'{"live":true}'), None),
            "/v2/health/ready": Target(self._ready, None),
            "/health": Target(self._ready, None),
            "/health/live": Target(lambda exchange: exchange.answer(200, b'{"live":true}'), None),
            "/health/ready": Target(self._ready, None),
            "/invocations": Target(None, "/invocations", any_form=True),
        }
        for base, label in ((model, "/v2/models/{model}"), (version, "/v2/models/{model}/versions/{version}")):
            table[base] = Target(self._model, None)
            table[f"{base}/ready"] = Target(self._ready, None)
            table[f"{base}/infer"] = Target(None, f"{label}/infer")
        # A path may be asked for both, or be one of those above: what it did already, it goes on doing.
        for path in platform.health:
            table[path] = table.get(path, Target(None, None))._replace(get=self._ready)
        for path in platform.predict:
            table[path] = Target(table[path].get if path in table else None, path, any_form=True)
        return {path.encode(): target for path, target in table.items()}

    # What HTTP calls.

    def admit(self, exchange: Exchange, length: int | None) -> memoryview | None:
        target = self.targets.get(exchange.path)
        if target is None:
            target = self._look_up(exchange.path)
        if target.any_form:
            path = redirect(exchange.headers)
            if path is not None:
                target = self._redirected(exchange, path)
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
        return self.inferences.admit(exchange, length, target.any_form)  # type: ignore[union-attr]

    def _redirected(self, exchange: Exchange, path: bytes) -> Target:
        """The target that a platform could not name in the path. What is read with GET elsewhere, is read so here."""
        target = self._look_up(path)
        if target.route is None:
            exchange.method = b"GET"
        return target

    def serve(self, exchange: Exchange) -> None:
        target: Target | None = exchange.target
        try:
            if exchange.refusal is not None:
                raise exchange.refusal
            if target is None:
                raise Refusal(404, "nothing is served here")
            if target.get is not None and (target.route is None or exchange.method in (b"GET", b"HEAD")):
                if exchange.method not in (b"GET", b"HEAD"):
                    raise _method(exchange, b"GET, HEAD")
                target.get(exchange)
            else:
                self._infer(exchange, target)
        except Refusal as refusal:
            self._refuse(exchange, refusal)
        except Exception as error:
            log("error", "request failed", error=cause(error))
            self._refuse(exchange, Refusal(500, "the model could not be run on this input"))

    def abandoned(self, exchange: Exchange) -> None:
        if self.inferences is not None:
            self.inferences.abandon(exchange)

    def sweep(self, now: float) -> None:
        """Answers 504 where the time for a request is over, and counts what is watched. Call several times a second."""
        if self.inferences is not None:
            self.inferences.sweep(now)
        if self.drift is not None:
            self.drift.fold()

    # GET.

    def _root(self, exchange: Exchange) -> None:
        model = f"/v2/models/{self.serving.name}"
        links = {"infer": f"{model}/infer", "model": model, "ready": "/v2/health/ready", "metrics": "/metrics"}
        exchange.answer(200, orjson.dumps({"name": "slipway", "version": VERSION, "links": links}))

    def _server(self, exchange: Exchange) -> None:
        exchange.answer(200, orjson.dumps({"name": "slipway", "version": VERSION, "extensions": EXTENSIONS}))

    def _ready(self, exchange: Exchange) -> None:
        if self.ready and self._hooks_are_stuck():
            answer = {"ready": False, "error": "every thread of the hooks hangs in a call; start this instance anew"}
            exchange.answer(503, orjson.dumps(answer), JSON, RETRY)
        elif self.ready:
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

    def _hooks_are_stuck(self) -> bool:
        return self.inferences is not None and self.inferences.stuck

    def _metrics(self, exchange: Exchange) -> None:
        exchange.answer(200, self.metrics.text(), metrics.CONTENT_TYPE)

    def _report(self, exchange: Exchange) -> None:
        report = self.serving.report
        if report is None:
            raise Refusal(404, "this model has no report: it is served as it was given, not from an optimized folder")
        try:
            exchange.answer(200, report.path.read_bytes())
        except OSError as error:
            raise Refusal(404, f"the report of this model cannot be read any more: {error.strerror}") from error

    def _why_not(self) -> str:
        return "the server is shutting down" if self.draining else "the model is being loaded; try again soon"

    def _infer(self, exchange: Exchange, target: Target) -> None:
        if exchange.method != b"POST":
            raise _method(exchange, b"POST" if target.get is None else b"GET, HEAD, POST")
        inference: Inference | None = exchange.state
        if inference is None or self.inferences is None:
            raise Refusal(503, self._why_not(), reason="shutdown" if self.draining else None, headers=RETRY)
        self.inferences.start(exchange, inference, target.any_form)

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


def _of_event_loop() -> list[tuple[str, float]]:
    return [(metrics.labelled((("state", state),)), seconds) for state, seconds in own_seconds()]


def _method(exchange: Exchange, allowed: bytes) -> Refusal:
    given = quote(exchange.method.decode("latin-1"))
    return Refusal(
        405, f"the method {given} is not allowed here; use {allowed.decode()}", headers=b"Allow: %b\r\n" % allowed
    )
