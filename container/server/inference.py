"""The way of an inference request from its bytes to its answer: decode, run, encode, and hooks around the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from server import forms, oip_binary, oip_json
from server.batching import Batcher, Job
from server.config import Limits
from server.decoders import LARGE_BYTES, Pool, Shared
from server.errors import Refusal, cause
from server.exchange import JSON, Exchange
from server.hooks.request import HookRequest, answer_of
from server.hooks.threads import Call, Threads
from server.log import log
from server.metrics import Metrics
from server.oip import Request, Signature
from server.session import Model

if TYPE_CHECKING:
    from server.forms import Answer

RETRY = b"Retry-After: 1\r\n"


class Inference:
    """An inference request that is being worked on."""

    __slots__ = ("accepted", "arrived", "call", "form", "hooked", "job", "platform", "request", "shared")

    def __init__(self) -> None:
        self.arrived = 0.0
        # How the body is to be read, and what form the answer is to have ('': the request's own): see forms.
        self.form = "json"
        self.accepted = ""
        self.platform: bytes | None = None
        self.request: Request | None = None
        self.job: Job | None = None
        self.shared: Shared | None = None
        self.hooked: HookRequest | None = None
        self.call: Call | None = None


class Inferences:
    """All inference requests of one model. Every method is for the event loop."""

    def __init__(
        self,
        limits: Limits,
        metrics: Metrics,
        model: Model,
        batcher: Batcher,
        decoders: Pool | None,
        threads: Threads | None,
        refuse: Callable[[Exchange, Refusal], None],
    ) -> None:
        self.in_flight: dict[Exchange, Inference] = {}
        self.decoders = decoders
        self._limits = limits
        self._metrics = metrics
        self._model = model
        self._signature: Signature = model.signature
        self._batcher = batcher
        self._threads = threads
        self._refuse = refuse

    def admit(self, exchange: Exchange, length: int | None, any_form: bool) -> memoryview | None:
        """A request's head is there: gives the memory for its body where that matters. Raises Refusal (400)."""
        inference = exchange.state = Inference()
        if any_form:
            inference.form = forms.body_form(exchange.headers)
        if length is None or length < LARGE_BYTES or self._threads is not None:
            return None
        head = oip_binary.head_length(exchange.headers)
        if head is not None or inference.form in ("npy", "raw"):
            exchange.body = oip_binary.room(length, head[0] if head is not None else 0)
            return exchange.body
        if self.decoders is None:
            return None
        inference.shared = self.decoders.room(length)
        return inference.shared.body

    def start(self, exchange: Exchange, inference: Inference, any_form: bool) -> None:
        """The request is complete. Raises Refusal."""
        if len(self.in_flight) >= self._limits.queue:
            message = f"{self._limits.queue} requests are waiting or running, the most there may be; try again later"
            raise Refusal(503, message, reason="queue_full", headers=RETRY)
        inference.arrived = time.monotonic()
        if any_form:
            inference.accepted = forms.answer_form(exchange.headers)
        depth = self._limits.json_depth
        head = oip_binary.head_length(exchange.headers)
        if head is not None:
            inference.platform = head[1]
        if self._threads is not None:
            self._decode_on_thread(exchange, inference)
        elif head is not None:
            self._submit(exchange, inference, oip_binary.decode(exchange.body, head[0], self._signature, depth))
        elif inference.form in ("npy", "raw"):
            self._submit(exchange, inference, forms.decode(inference.form, exchange.body, self._signature, depth))
        elif inference.shared is None and (self.decoders is None or len(exchange.body) < LARGE_BYTES):
            if inference.form == "json":
                request = oip_json.decode(bytes(exchange.body), self._signature, depth)
            else:
                request = forms.decode(inference.form, bytes(exchange.body), self._signature, depth)
            self._submit(exchange, inference, request)
        else:
            self._decode_elsewhere(exchange, inference)

    def abandon(self, exchange: Exchange) -> None:
        """Nobody waits for this exchange any more."""
        inference = self.in_flight.pop(exchange, None)
        exchange.state = None
        if inference is None:
            return
        if inference.call is not None:
            inference.call.cancelled = True
        if inference.job is not None:
            self._batcher.cancel(inference.job)
        elif inference.shared is not None and self.decoders is not None:
            self.decoders.cancel(inference.shared)

    @property
    def stuck(self) -> bool:
        """Whether no request can be worked on any more, since hooks hang."""
        return self._threads is not None and self._threads.stuck

    def sweep(self, now: float) -> None:
        """Answers 504 where the time for a request, or for a call of a hook, is over."""
        if self._threads is not None:
            self._threads.sweep(now)
        latest = now - self._limits.request_seconds
        late = [
            (exchange, inference.job) for exchange, inference in self.in_flight.items() if exchange.started < latest
        ]
        late.sort(key=lambda entry: entry[1] is not None and entry[1].started > 0)
        waiting = {exchange for exchange, job in late if job is None or job.started == 0}
        # Those that wait first: a worker whose run is stopped would take them.
        for exchange, _ in late:
            self.abandon(exchange)
        for exchange, _ in late:
            message = f"not answered within {self._limits.request_seconds:g} s"
            self._refuse(exchange, Refusal(504, message, reason="timeout" if exchange in waiting else None))

    # Before the run.

    def _decode_elsewhere(self, exchange: Exchange, inference: Inference) -> None:
        shared = inference.shared
        if shared is None:  # Came in chunks, so its size was not known when it began.
            shared = inference.shared = self.decoders.room(len(exchange.body))  # type: ignore[union-attr]
            shared.body[:] = exchange.body
            exchange.body = b""
        self.in_flight[exchange] = inference
        self.decoders.decode(shared, inference.form, self._then(exchange, inference, self._submit))  # type: ignore[union-attr]

    def _decode_on_thread(self, exchange: Exchange, inference: Inference) -> None:
        threads = self._threads
        assert threads is not None
        pre = threads.hooks.pre
        hooked = inference.hooked = HookRequest(
            bytes(exchange.body),
            exchange.headers,
            exchange.path,
            inference.form,
            self._signature,
            self._limits.json_depth,
        )
        exchange.body = b""

        def work() -> Request:
            return hooked.decoded if pre is None else hooked.with_inputs(pre(hooked))

        self.in_flight[exchange] = inference
        call = inference.call = Call("pre", work, self._then(exchange, inference, self._submit))
        threads.submit(call)

    def _then(
        self, exchange: Exchange, inference: Inference, go_on: Callable[[Exchange, Inference, Any], None]
    ) -> Callable[[Any], None]:
        """What happens with a result that comes later: it is dropped, refused, or gone on with."""

        def done(result: Any) -> None:
            if self.in_flight.get(exchange) is not inference:
                return
            inference.call = None
            if isinstance(result, Refusal):
                del self.in_flight[exchange]
                self._refuse(exchange, result)
            else:
                go_on(exchange, inference, result)

        return done

    def _submit(self, exchange: Exchange, inference: Inference, request: Request) -> None:
        inference.request = request
        rows, key = self._model.key(request.arrays)

        job = inference.job = Job(request.arrays, rows, key, self._done, exchange)
        self.in_flight[exchange] = inference
        self._batcher.submit(job)

    # After the run.

    def _done(self, job: Job) -> None:
        exchange: Exchange = job.owner
        inference: Inference | None = self.in_flight.get(exchange)
        if inference is None:
            return
        if job.error is not None:
            del self.in_flight[exchange]
            self.fail(exchange, job.error)
            return
        finished = time.monotonic()
        if self._threads is not None and self._threads.hooks.post is not None:
            self._answer_on_thread(exchange, inference, job, finished)
            return
        request: Request = inference.request  # type: ignore[assignment]
        outputs = [job.outputs[wanted.place] for wanted in request.wanted]  # type: ignore[index]
        if request.form == "oip" and not inference.accepted and not oip_binary.wants_binary(request.wanted):
            answer = (oip_json.encode(self._signature, request, outputs), JSON, b"")
        else:
            try:
                answer = forms.encode(self._signature, request, outputs, inference.accepted, inference.platform)
            except Refusal as refusal:
                del self.in_flight[exchange]
                self._refuse(exchange, refusal)
                return
        self._answer(exchange, inference, job, finished, answer)

    def _answer_on_thread(self, exchange: Exchange, inference: Inference, job: Job, finished: float) -> None:
        threads, hooked, signature = self._threads, inference.hooked, self._signature
        assert threads is not None
        post = threads.hooks.post
        outputs = dict(zip(self._model.output_names, job.outputs, strict=True))  # type: ignore[arg-type]

        def work() -> Answer:
            given = post(outputs, hooked)  # type: ignore[misc]
            return answer_of(given, inference.request, signature, inference.accepted, inference.platform)  # type: ignore[arg-type]

        def answer(exchange: Exchange, inference: Inference, answer: Answer) -> None:
            self._answer(exchange, inference, job, finished, answer)

        call = inference.call = Call("post", work, self._then(exchange, inference, answer))
        threads.submit(call)

    def _answer(self, exchange: Exchange, inference: Inference, job: Job, finished: float, answer: Answer) -> None:
        del self.in_flight[exchange]
        body, kind, extra = answer
        exchange.answer(200, body, kind, extra)
        if inference.shared is not None:
            # The run is over and its answer written: the tensors in this memory are not looked at again.
            self.decoders.give_back(inference.shared)  # type: ignore[union-attr]
        now = time.monotonic()
        stages = (job.started - job.queued, job.queued - inference.arrived, job.run_seconds, now - finished)
        self._metrics.served(exchange.target.route, (*stages, now - exchange.started))

    def fail(self, exchange: Exchange, error: Exception) -> None:
        """Something of ours went wrong: says so to the log, and to the client without internals."""
        log("error", "request failed", error=cause(error))
        self._refuse(exchange, Refusal(500, "the model could not be run on this input"))
