"""Servers that several tests share; those that a test changes, it starts itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from server.tests import models
from server.tests.process import Running, running, serving


@pytest.fixture(scope="session")
def linear_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """y = x · WEIGHT + BIAS, runs on the event loop."""
    folder = tmp_path_factory.mktemp("linear")
    with running(serving(models.linear(folder / "linear.onnx"))) as server:
        yield server


@pytest.fixture(scope="session")
def echo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Every datatype, each given back as it came."""
    folder = tmp_path_factory.mktemp("echo")
    with running(serving(models.echo(folder / "echo.onnx", list(models.ONNX_TYPES)))) as server:
        yield server


@pytest.fixture(scope="session")
def wide_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Sums rows of 20,000 floats: JSON bodies large enough for the decoders."""
    folder = tmp_path_factory.mktemp("wide")
    with running(serving(models.wide(folder / "wide.onnx", 20_000), decoders=2)) as server:
        yield server
