"""ONNX Runtime as the server uses it: threads as asked, no spinning, every optimization at load."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from .errors import UserError

Answers = Mapping[str, Sequence[np.ndarray]]
"""For each output, one array for each sample, its first axis of size 1."""

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
"""ONNX Runtime's names of what recipe.json calls a provider."""

_LEVELS = {
    "none": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def session_options(level: str = "all", threads: int = 1) -> onnxruntime.SessionOptions:
    """Options at `level`: none, basic, extended or all; `threads` inside one run."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = _LEVELS[level]
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def open_session(
    model: Path | bytes, level: str = "all", *, provider: str = "cpu", threads: int = 1
) -> onnxruntime.InferenceSession:
    """A session on `provider` (cpu, cuda or tensorrt), on the CPU where this machine lacks it: see `provider_of`.

    Raises what ONNX Runtime raises.
    """
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, session_options(level, threads), providers=fallbacks(provider))


def fallbacks(provider: str) -> list[str]:
    """ONNX Runtime's names, the wanted provider first, of those that this build of it has."""
    order = {"cpu": ["cpu"], "cuda": ["cuda", "cpu"], "tensorrt": ["tensorrt", "cuda", "cpu"]}[provider]
    built = onnxruntime.get_available_providers()
    names = [PROVIDERS[name] for name in order if PROVIDERS[name] in built]
    if len(names) > 1 and hasattr(onnxruntime, "preload_dlls"):
        # CUDA's libraries come in wheels of their own, which the loader does not search.
        onnxruntime.preload_dlls()
    return names


def provider_of(session: onnxruntime.InferenceSession) -> str:
    """What a session really runs on; ONNX Runtime falls back to the CPU silently."""
    first = session.get_providers()[0]
    return next((name for name, known in PROVIDERS.items() if known == first), "cpu")


def open_users_model(path: Path) -> onnxruntime.InferenceSession:
    """A session of the model the user gave. Raises UserError when ONNX Runtime refuses it."""
    try:
        return open_session(path)
    except Exception as error:
        raise UserError(
            f"ONNX Runtime {onnxruntime.__version__} cannot load the model: {brief(error)}. "
            "Export it again with operators that ONNX Runtime's CPU provider has."
        ) from None


def answer(
    session: onnxruntime.InferenceSession, inputs: Mapping[str, np.ndarray], rows: Sequence[int] | np.ndarray
) -> Answers:
    """Run the samples at `rows` one by one, as requests come.

    One by one because some forms (dynamic ranges) answer differently in a batch, and a fixed batch of 1 works too.
    """
    names = [output.name for output in session.get_outputs()]
    answers: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for row in rows:
        feeds = sample(inputs, int(row))
        for name, value in zip(names, session.run(names, feeds), strict=True):
            answers[name].append(plain(value))
    return answers


def answer_users_model(
    session: onnxruntime.InferenceSession, inputs: Mapping[str, np.ndarray], rows: Sequence[int] | np.ndarray, hint: str
) -> Answers:
    """As `answer`; raises UserError, ending with `hint`, when the model refuses a sample."""
    try:
        return answer(session, inputs, rows)
    except Exception as error:
        raise UserError(f"ONNX Runtime cannot run the model on the samples: {brief(error)}. {hint}") from None


def sample(inputs: Mapping[str, np.ndarray], row: int) -> dict[str, np.ndarray]:
    """One sample with its first axis kept."""
    return {name: np.ascontiguousarray(values[row : row + 1]) for name, values in inputs.items()}


def runner(
    session: onnxruntime.InferenceSession, inputs: Mapping[str, np.ndarray], rows: Sequence[int] | np.ndarray
) -> Callable[[int], object]:
    """A function that runs the i-th of `rows`, over and over in turn; the samples are cut out beforehand."""
    feeds = [sample(inputs, int(row)) for row in rows]
    return lambda index: session.run(None, feeds[index % len(feeds)])


def plain(value: object) -> np.ndarray:
    """An output as a numpy array that can be saved without pickle: text as fixed-width unicode."""
    array = np.asarray(value)
    return array.astype(np.str_) if array.dtype == object else array


def brief(error: BaseException) -> str:
    """The first line of an error, without ONNX Runtime's own prefixes and without a full stop."""
    text = str(error).strip() or type(error).__name__
    line = text.splitlines()[0]
    if line.startswith("[ONNXRuntimeError]"):
        line = line.split(" : ")[-1]
    return line[:300].rstrip(". ")


def out_of_memory(error: Exception) -> bool:
    """ONNX Runtime tells an allocation that failed in words only."""
    return any(sign in str(error) for sign in ("bad_alloc", "Failed to allocate memory", "bad allocation"))
