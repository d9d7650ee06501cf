"""Runs calls of hooks on threads, at most so long: what takes longer is answered with 504, and its thread replaced."""

from __future__ import annotations

import os
import threading
import time
import traceback
from asyncio import AbstractEventLoop
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from server.errors import Refusal
from server.hooks.load import Hooks, line_in, raised_in
from server.hooks.request import HookError
from server.log import log

# Threads that hang in a call, most: beyond them no more are started, and calls wait.
MOST_STUCK = 64

Done = Callable[[Any], None]


class Call:
    """One piece of work: `work()` on a thread, then `done(result or Refusal)` on the event loop, unless cancelled."""

    __slots__ = ("cancelled", "done", "name", "replaced", "started", "work")

    def __init__(self, name: str, work: Callable[[], Any], done: Done) -> None:
        self.name = name
        self.work = work
        self.done = done
        self.started = 0.0
        self.cancelled = False
        self.replaced = False


class Threads:
    """At most `count` calls at a time, besides those that took too long. Every method is for the event loop."""

    def __init__(self, hooks: Hooks, count: int, loop: AbstractEventLoop) -> None:
        self.hooks = hooks
        self._loop = loop
        self._count = count
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._running: set[Call] = set()
        self._late: set[Call] = set()
        for _ in range(count):
            self._start()

    @property
    def stuck(self) -> bool:
        """Whether every thread hangs in a call, and no more are started."""
        return sum(not call.replaced for call in self._late) >= self._count

    def submit(self, call: Call) -> None:
        """Takes a call; it waits for a free thread."""
        self._calls.put(call)

    def sweep(self, now: float) -> None:
        """Answers 504 for calls over their time. Call several times a second."""
        for call in [call for call in list(self._running) if now - call.started > self.hooks.seconds]:
            self._running.discard(call)
            self._late.add(call)
            log("error", "a hook takes too long", hook=call.name, seconds=self.hooks.seconds, hanging=len(self._late))
            call.replaced = len(self._late) <= MOST_STUCK
            if call.replaced:
                self._start()
            if not call.cancelled:
                call.cancelled = True
                call.done(Refusal(504, f"the hook '{call.name}' took longer than {self.hooks.seconds:g} s"))

    def _start(self) -> None:
        threading.Thread(target=self._work, name="hook", daemon=True).start()

    def _work(self) -> None:
        while True:
            call = self._calls.get()
            if call is None:
                return
            if call.cancelled:
                continue
            call.started = time.monotonic()
            self._running.add(call)
            result = self._outcome(call)
            try:
                self._loop.call_soon_threadsafe(self._finish, call, result)
            except RuntimeError:
                return  # The loop has ended, and the process is about to.

    def _finish(self, call: Call, result: Any) -> None:
        self._running.discard(call)
        self._late.discard(call)
        if call.replaced:
            self._calls.put(None)  # One thread too many now.
        if not call.cancelled:
            call.cancelled = True
            call.done(result)

    def _outcome(self, call: Call) -> Any:
        try:
            return call.work()
        except Refusal as refusal:
            return refusal
        except BaseException as error:
            return self._refusal(call.name, error)

    def _refusal(self, name: str, error: BaseException) -> Refusal:
        """The rule: a ValueError that a `raise` in `pre` raises is the caller's fault, and is told in its words: 422.

        Everything else is the hook's: 500, with the type and the line in the log alone.
        """
        file = self.hooks.file
        if name == "pre" and type(error) is ValueError and raised_in(error.__traceback__, file):
            return Refusal(422, str(error)[:1000] or "the hook 'pre' refuses this request")
        what = str(error)[:300] if isinstance(error, HookError) else type(error).__name__
        log("error", "a hook failed", hook=name, error=what, line=line_in(error.__traceback__, file))
        if os.environ.get("SLIPWAY_DEBUG") == "1":
            traceback.print_exception(error)
        return Refusal(500, f"the hook '{name}' failed on this request")
