"""The two ways to say no: to a request (an HTTP status) and to a start (an exit code)."""

import re

_ORT = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : \w+( : Non-zero status code returned while running .*? node\. Name:'.*?')?"
)


class Refusal(Exception):  # noqa: N818 - it is an answer, not a failure
    """A request that is not served.

    `status` is the HTTP status, `message` becomes `{"error": message}` and never holds internals. `reason` is the label
    of `onnx_requests_rejected_total`, or None where that counter does not count. `close` ends the connection, because
    the rest of the request was not read. `headers` are further header lines, each ended by CRLF.
    """

    def __init__(
        self, status: int, message: str, *, reason: str | None = None, close: bool = False, headers: bytes = b""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason
        self.close = close
        self.headers = headers


def too_large(length: int | None, limit: int) -> Refusal:
    """The refusal of a body over `limit` bytes; `length` is None where it came in chunks."""
    given = f"of {length} bytes" if length is not None else "sent in chunks"
    return Refusal(413, f"a body {given} is over the limit of {limit} bytes", reason="too_large", close=True)


class StartError(Exception):
    """A server that cannot start: one sentence for the person who started it, and the exit code."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def together(problems: list[StartError]) -> StartError:
    """Several problems as one: a line for each."""
    if len(problems) == 1:
        return problems[0]
    lines = "\n".join(f"- {problem}" for problem in problems)
    return StartError(f"The server cannot start, for {len(problems)} reasons:\n{lines}", problems[0].code)


def cause(error: Exception) -> str:
    """What failed, for the log: the error's type, and ONNX Runtime's code and node; never values of a request."""
    found = _ORT.match(str(error))
    return type(error).__name__ + (f": {found[0][:400]}" if found else "")


def quote(value: object, limit: int = 64) -> str:
    """`value` as one line for an error: control characters escaped, cut after `limit` characters."""
    text = value if isinstance(value, str) else repr(value)
    cut = text[:limit].encode("unicode_escape", "replace").decode("ascii")
    return f"'{cut}{'…' if len(text) > limit else ''}'"
