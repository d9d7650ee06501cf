"""The user's own code around the model, as a caller sees it, and what is wrong with it, as its author sees it."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from onnx import helper

from server.hooks import threads as hook_threads
from server.hooks.load import Hooks
from server.tests import models
from server.tests.process import CONTAINER, Running, running, serving, tensor, wait_until

# Tokenizes text into the four numbers that the model takes, and turns its three scores into a word.
WORDS = """
import os
import numpy as np

LABELS = np.array(os.environ.get("LABELS", "ham,spam,eggs").split(","))
MEAN = 2.0

def pre(request):
    document = request.json()
    texts = document.get("texts") if isinstance(document, dict) else None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("'texts' must be a list of strings")
    rows = [[len(word) for word in (text.split() + ["", "", "", ""])[:4]] for text in texts]
    return {"x": np.array(rows, np.float32) - MEAN}

def post(outputs, request):
    return {"label": LABELS[outputs["y"].argmax(axis=1)]}
"""

ODD = """
import sys, time

def pre(request):
    print("seen", request.path)
    what = request.json()["do"]
    request.state["do"] = what
    if what == "sleep": time.sleep(30)
    if what == "key": {}["secret"]
    if what == "exit": sys.exit(3)
    if what == "library": int("secret")
    if what == "own": raise ValueError("do something else")
    if what == "none": return None
    if what == "names": return {"z": [1]}
    if what == "shape": return {"x": [[1, 2, 3]]}
    if what == "type": return {"x": [["a", "b", "c", "d"]]}
    if what == "ragged": return {"x": [[1, 2, 3, 4], [5]]}
    return {"x": [[1, 2, 3, 4]]}

def post(outputs, request):
    what = request.state["do"]
    if what == "late": time.sleep(30)
    if what == "post": raise ValueError("secret")
    if what == "set": return {1, 2}
    if what == "complex": return {"y": outputs["y"].astype("complex64")}
    if what == "json": return {"labels": ["a"], "best": outputs["y"].max()}
    if what == "bytes": return b"\\x00raw"
    return outputs
"""


def hooked(folder: Path, text: str, seconds: float = 5, **changes: Any) -> Path:
    (folder / "hooks.py").write_text(text)
    return serving(models.linear(folder / "linear.onnx"), hooks={"file": "hooks.py", "seconds": seconds}, **changes)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(hooked(tmp_path_factory.mktemp("words"), WORDS), environment={"LABELS": "ham,spam,eggs"}) as server:
        yield server


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(hooked(tmp_path_factory.mktemp("odd"), ODD, seconds=0.4)) as server:
        yield server


def expected(*texts: str) -> list[str]:
    rows = [[len(word) for word in (text.split() + [""] * 4)[:4]] for text in texts]
    scores = (np.array(rows, np.float32) - 2) @ models.WEIGHT + models.BIAS
    return [["ham", "spam", "eggs"][place] for place in scores.argmax(axis=1)]


TEXTS = ["a bb ccc dddd", "eeeeeeee f", ""]


def test_text_goes_in_and_labels_come_out_in_the_form_that_the_path_has(words: Running) -> None:
    labels = expected(*TEXTS)
    assert len(set(labels)) > 1
    status, answer = words.infer({"texts": TEXTS}, "/invocations")
    assert (status, answer) == (200, {"predictions": labels})
    status, answer = words.infer({"texts": TEXTS})
    assert (status, answer["outputs"]) == (
        200,
        [{"name": "label", "datatype": "BYTES", "shape": [3], "data": labels}],
    )
    body = orjson.dumps({"texts": TEXTS})
    status, headers, csv = words.request("POST", "/invocations", body, {"Accept": "text/csv"})
    assert (status, headers["content-type"], csv.decode().splitlines()) == (200, "text/csv", labels)


def test_a_value_error_of_the_hook_itself_is_the_callers_fault(words: Running) -> None:
    for document in ({"texts": [1]}, {}, []):
        status, answer = words.infer(document, "/invocations")
        assert (status, answer) == (422, {"error": "'texts' must be a list of strings"})
    status, answer = words.infer(b"no json", "/invocations")
    assert status == 400
    assert "not JSON" in answer["error"]


@pytest.mark.parametrize("what", ["key", "exit", "library", "none", "names", "shape", "type", "ragged"])
def test_any_other_fault_of_pre_is_a_500_without_internals(odd: Running, what: str) -> None:
    assert odd.infer({"do": what}, "/invocations") == (500, {"error": "the hook 'pre' failed on this request"})
    assert odd.infer({"do": ""}, "/invocations")[0] == 200


@pytest.mark.parametrize("what", ["post", "set", "complex"])
def test_any_fault_of_post_is_a_500(odd: Running, what: str) -> None:
    assert odd.infer({"do": what}, "/invocations") == (500, {"error": "the hook 'post' failed on this request"})


def test_what_post_returns_is_the_answer(odd: Running) -> None:
    y = (np.array([1, 2, 3, 4], np.float32) @ models.WEIGHT + models.BIAS).tolist()
    assert odd.infer({"do": "own"}, "/invocations") == (422, {"error": "do something else"})
    assert odd.infer({"do": ""}, "/invocations") == (200, {"predictions": [y]})
    assert odd.infer({"do": "json"}, "/invocations") == (200, {"labels": ["a"], "best": max(y)})
    status, headers, body = odd.request("POST", "/invocations", b'{"do": "bytes"}')
    assert (status, headers["content-type"], body) == (200, "application/octet-stream", b"\x00raw")


def test_a_hook_that_hangs_is_answered_with_504_and_delays_no_other(tmp_path: Path) -> None:
    """More hanging calls than there are threads: each one is replaced."""
    with running(hooked(tmp_path, ODD, seconds=0.3)) as server:
        connections = []
        for what in ["sleep", "late"] * 12:
            body = orjson.dumps({"do": what})
            head = f"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            connection = server.connect()
            connection.sendall(head + body)
            connections.append(connection)
        for place, connection in enumerate(connections):
            answer = connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n"), answer
            assert (b"the hook 'pre' took longer than 0.3 s", b"the hook 'post' took longer")[place % 2] in answer
            connection.close()
        assert server.infer({"do": ""}, "/invocations")[0] == 200
        assert server.metric('onnx_requests_in_flight{model="linear"}') == 0
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code, _ = server.end()
        assert (code, time.monotonic() - start < 10) == (0, True)


def test_the_log_says_where_a_hook_failed_and_nothing_of_the_request(tmp_path: Path) -> None:
    with running(hooked(tmp_path, ODD, seconds=0.3)) as server:
        assert server.infer({"do": "library"}, "/invocations")[0] == 500
        assert server.infer({"do": "shape"}, "/invocations")[0] == 500
        code, errors = server.stop()
    assert code == 0
    lines = [json.loads(line) for line in errors.splitlines() if '"level":"error"' in line]
    assert [(line["message"], line["hook"], line["error"], line["line"]) for line in lines] == [
        ("a hook failed", "pre", "ValueError", ODD.splitlines().index('    if what == "library": int("secret")') + 1),
        (
            "a hook failed",
            "pre",
            "pre returned int64 of shape [1, 3] for 'x'; the model takes FP32 of shape [-1, 4]",
            None,
        ),
    ]
    assert "secret" not in errors
    assert "seen /invocations" in errors
    assert server._output == b""


SCALE = """
def pre(request):
    inputs = request.tensors()
    inputs["x"] = inputs["x"] / 2
    return inputs
"""


def test_tensors_that_the_server_reads_can_be_changed_in_every_form(tmp_path: Path) -> None:
    x = np.array([[2, 4, 6, 8], [1, 2, 3, 4]], np.float32)
    y = x / 2 @ models.WEIGHT + models.BIAS
    npy = io.BytesIO()
    np.save(npy, x)
    with running(hooked(tmp_path, SCALE)) as server:
        status, answer = server.infer({"id": "7", "inputs": [tensor("x", [2, 4], x.reshape(-1).tolist())]})
        assert (status, answer["id"], answer["outputs"][0]["data"]) == (200, "7", y.reshape(-1).tolist())
        assert server.infer({"instances": x.tolist()}, "/invocations") == (200, {"predictions": y.tolist()})
        for content, body, read in (
            ("text/csv", b"2,4,6,8\n1,2,3,4", lambda got: np.loadtxt(io.BytesIO(got), delimiter=",")),
            ("application/x-npy", npy.getvalue(), lambda got: np.load(io.BytesIO(got))),
        ):
            status, headers, got = server.request("POST", "/invocations", body, {"Content-Type": content})
            assert (status, headers["content-type"]) == (200, content)
            np.testing.assert_array_equal(read(got), y)
        raw = {"Inference-Header-Content-Length": "0"}
        status, headers, got = server.request("POST", server.infer_path, x.tobytes(), raw)
        assert status == 200
        assert got[int(headers["inference-header-content-length"]) :] == y.tobytes()
        status, answer = server.infer({"inputs": [tensor("x", [1, 3], [1, 2, 3])]})
        assert (status, answer["error"]) == (
            400,
            "input 'x' has shape [1, 3]; the model takes [-1, 4], where -1 is any size",
        )


def test_post_alone_sees_what_the_model_gives(tmp_path: Path) -> None:
    text = "def post(outputs, request):\n    return {'best': outputs['y'].argmax(1)}\n"
    x = np.random.default_rng(0).standard_normal((5000, 4)).astype(np.float32)
    with running(hooked(tmp_path, text)) as server:
        status, answer = server.infer({"instances": x.tolist()}, "/invocations")  # Large: no decoder takes it away.
        assert status == 200
        assert answer["predictions"] == (x @ models.WEIGHT + models.BIAS).argmax(1).tolist()
        body = {"inputs": [tensor("x", [1, 4], [1, 2, 3, 4])]}
        (output,) = server.infer(body)[1]["outputs"]
        assert (output["name"], output["datatype"], output["shape"]) == ("best", "INT64", [1])
        assert server.decoders() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import nothing_such\n",
            "hooks.py, line 1: No module named 'nothing_such'. Name its package in the requirements",
        ),
        ("x = 1\ny = x / 0\n", "hooks.py, line 2: ZeroDivisionError: division by zero."),
        ("def pre(request)\n    pass\n", "hooks.py, line 1: SyntaxError: expected ':'."),
        ("import sys\nsys.exit(1)\n", "hooks.py, line 2: SystemExit: 1."),
        ("import beside\n", "hooks.py, line 1: RuntimeError: broken."),
        ("x = 1\n", "hooks.py defines neither 'pre' nor 'post'. Define pre(request), post(outputs, request) or both."),
        ("async def pre(request): pass\n", "hooks.py: 'pre' is async; define it with a plain def"),
        ("def post(outputs, request): yield 1\n", "hooks.py: 'post' is a generator (it has a yield)"),
        (
            "def pre(): pass\npost = 7\n",
            "hooks.py: 'pre' cannot be called as pre(request); 'post' is int, not a function",
        ),
    ],
)
def test_a_file_that_cannot_be_used_refuses_the_start(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "beside.py").write_text("raise RuntimeError('broken')\n")
    server = Running(hooked(tmp_path, text), wait=False)
    code, errors = server.end()
    assert code == 2
    assert message in errors
    assert len(errors.strip().splitlines()) == 1


def test_a_module_beside_the_hooks_is_imported(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("FACTOR = 3\n")
    text = "from beside import FACTOR\ndef post(outputs, request):\n    return {'factor': FACTOR}\n"
    with running(hooked(tmp_path, text)) as server:
        assert server.infer({"instances": [[1, 2, 3, 4]]}, "/invocations") == (200, {"factor": 3})


def test_a_client_that_leaves_gives_its_place_back(tmp_path: Path) -> None:
    with running(hooked(tmp_path, ODD, seconds=1)) as server:
        with server.connect() as connection:
            body = b'{"do": "sleep"}'
            connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n" + body)
            wait_until(lambda: server.metric('onnx_requests_in_flight{model="linear"}') == 1)
        wait_until(lambda: server.metric('onnx_requests_in_flight{model="linear"}') == 0)
        assert server.infer({"do": ""}, "/invocations")[0] == 200


def documented(number: int) -> str:
    """An example of docs/server.md."""
    return (CONTAINER.parent / "docs/server.md").read_text().split("```python\n")[number].split("```")[0]


def test_the_documented_scaling_and_labels(tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text(documented(2))
    node = helper.make_node("Identity", ["image"], ["logits"])
    shape = [("image", "FP32", ["N", 3])], [("logits", "FP32", ["N", 3])]
    path = serving(models.save(tmp_path / "m.onnx", [node], *shape), hooks={"file": "hooks.py", "seconds": 5})
    with running(path) as server:
        status, answer = server.infer({"instances": [[0.45, 0.45, 0.68], [0.68, 0.45, 0.45]]}, "/invocations")
    assert (status, [row["label"] for row in answer["predictions"]]) == (200, ["bird", "cat"])
    assert [row["score"] for row in answer["predictions"]] == pytest.approx([1, 1], abs=1e-5)


# In the place of the library, which the tests do not install: ids are the lengths of words.
TOKENIZERS = """
class Encoding:
    def __init__(self, words, width):
        self.ids = [len(word) for word in words] + [0] * (width - len(words))
        self.attention_mask = [1] * len(words) + [0] * (width - len(words))

class Tokenizer:
    @staticmethod
    def from_file(path):
        return Tokenizer()
    def enable_padding(self):
        pass
    def encode_batch(self, texts):
        return [Encoding(text.split(), max(len(text.split()) for text in texts)) for text in texts]
"""


def test_the_documented_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "tokenizers.py").write_text(TOKENIZERS)
    (tmp_path / "hooks.py").write_text(documented(1))
    node = helper.make_node("Mul", ["input_ids", "attention_mask"], ["y"])
    inputs = [(name, "INT64", ["N", "S"]) for name in ("input_ids", "attention_mask")]
    model = models.save(tmp_path / "m.onnx", [node], inputs, [("y", "INT64", ["N", "S"])])
    path = serving(model, hooks={"file": "hooks.py", "seconds": 5})
    with running(path, environment={"TOKENIZER": "tokenizer.json"}) as server:
        answer = server.infer({"texts": ["a bb", "ccc"]}, "/invocations")
        assert answer == (200, {"predictions": [[1, 2], [3, 0]]})
        assert server.infer({}, "/invocations") == (422, {"error": "'texts' must be a list of strings"})


def test_once_no_thread_is_left_the_hooks_are_stuck_until_one_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_threads, "MOST_STUCK", 2)
    release, answers = threading.Event(), []
    loop = asyncio.new_event_loop()
    hooks = Hooks(Path("hooks.py"), 0.01, None, None)
    threads = hook_threads.Threads(hooks, 2, loop)

    async def hang(calls: int) -> None:
        for _ in range(calls):
            threads.submit(hook_threads.Call("pre", release.wait, answers.append))
            await asyncio.sleep(0.05)
            threads.sweep(time.monotonic())

    loop.run_until_complete(hang(3))
    assert not threads.stuck
    loop.run_until_complete(hang(1))
    assert threads.stuck and [answer.status for answer in answers] == [504] * 4
    release.set()
    loop.run_until_complete(asyncio.sleep(0.1))
    assert not threads.stuck
    loop.close()
