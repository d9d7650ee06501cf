from pathlib import Path

import numpy as np
import pytest

from optimizer.errors import UserError
from optimizer.session import answer, brief, fallbacks, open_session, open_users_model, plain, provider_of
from optimizer.tests.models import mlp, normal, save


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("[ONNXRuntimeError] : 1 : FAIL : Node (a) has no kernel.\nmore", "Node (a) has no kernel"),
        ("plain words", "plain words"),
        ("", "ValueError"),
    ],
)
def test_errors_lose_their_prefix_and_their_tail(message: str, said: str) -> None:
    assert brief(ValueError(message)) == said


def test_samples_run_one_by_one_and_in_order(tmp_path: Path) -> None:
    session, values = open_session(save(tmp_path, mlp())), normal(5, 16)
    found = answer(session, {"x": values}, [4, 0])
    assert [entry.shape for entry in found["y"]] == [(1, 4), (1, 4)]
    whole = np.asarray(session.run(None, {"x": values})[0])
    np.testing.assert_allclose(np.concatenate(found["y"]), whole[[4, 0]], rtol=1e-5, atol=1e-6)


def test_text_can_be_saved_without_pickle() -> None:
    assert plain(np.array(["a", "bcd"], dtype=object)).dtype == np.dtype("<U3")


def test_a_model_that_onnx_runtime_refuses_is_told(tmp_path: Path) -> None:
    made = mlp()
    made.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(UserError, match=r"^ONNX Runtime 1\.30\.0 cannot load the model: .*NoSuchOperator"):
        open_users_model(save(tmp_path, made))


def test_a_provider_that_is_not_here_is_told_by_the_session(tmp_path: Path) -> None:
    session = open_session(save(tmp_path, mlp()), provider="tensorrt")
    assert fallbacks("tensorrt")[-1] == "CPUExecutionProvider"
    assert (provider_of(session) == "tensorrt") == ("TensorrtExecutionProvider" in session.get_providers())


def test_threads_are_those_asked_for(tmp_path: Path) -> None:
    session = open_session(save(tmp_path, mlp()), threads=2)
    assert session.get_session_options().intra_op_num_threads == 2
