"""Where the model is looked for: one rule for every platform, and one sentence where it is nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from server import place
from server.errors import StartError
from server.tests import models
from server.tests.process import Running, serving


def put(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "serving.json").write_text("{}")
    return folder / "serving.json"


def test_the_first_place_that_has_a_model_is_taken(tmp_path: Path) -> None:
    """Filled from the last to the first: each one that is filled goes before those that were."""
    root, azure, named = tmp_path / "root", tmp_path / "azure", tmp_path / "named"
    azure.mkdir()
    environment = {"AZUREML_MODEL_DIR": str(azure), "AIP_STORAGE_URI": ""}
    for folder in ("opt/slipway/model", "mnt/models", "opt/ml/model"):
        expected = put(root / folder)
        assert place.find(environment, root) == place.Place(expected)
    expected = put(azure / "fraud")
    assert place.find(environment, root) == place.Place(expected)
    expected = put(azure)
    assert place.find(environment, root) == place.Place(expected)
    expected = put(named)
    assert place.find({**environment, "SLIPWAY_MODEL_DIR": str(named)}, root) == place.Place(expected)


def test_a_bucket_goes_before_the_images_own_model_and_after_what_is_mounted(tmp_path: Path) -> None:
    fetched = place.Place(tmp_path / "bucket/serving.json", lambda: None)
    asked = []

    def bucket(uri: str, _: object) -> place.Place:
        asked.append(uri)
        return fetched

    put(tmp_path / "opt/slipway/model")
    environment = {"AIP_STORAGE_URI": "gs://b/m"}
    assert place.find(environment, tmp_path, bucket) is fetched
    mounted = put(tmp_path / "mnt/models")
    assert place.find(environment, tmp_path, bucket) == place.Place(mounted)
    assert asked == ["gs://b/m"]


def test_a_model_that_is_nowhere_is_one_sentence_with_every_place(tmp_path: Path) -> None:
    azure = tmp_path / "azure"
    azure.mkdir()
    with pytest.raises(StartError) as caught:
        place.find({"AZUREML_MODEL_DIR": str(azure)}, tmp_path)
    sentence = str(caught.value)
    for folder in (f"AZUREML_MODEL_DIR ({azure})", "opt/ml/model", "mnt/models", "opt/slipway/model"):
        assert folder in sentence
    assert "Give --serving PATH, set SLIPWAY_MODEL_DIR" in sentence


def test_a_named_folder_without_a_model_is_refused_whatever_else_is_there(tmp_path: Path) -> None:
    put(tmp_path / "opt/slipway/model")
    with pytest.raises(StartError, match=r"SLIPWAY_MODEL_DIR is '/nowhere', and there is no serving\.json in it"):
        place.find({"SLIPWAY_MODEL_DIR": "/nowhere"}, tmp_path)


def test_two_models_in_azures_folder_are_not_chosen_between(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(tmp_path / name)
    with pytest.raises(StartError, match=r"holds several models: .*/a, .*/b\. Register one"):
        place.find({"AZUREML_MODEL_DIR": str(tmp_path)}, tmp_path)


def test_every_problem_of_a_start_is_told_at_once(tmp_path: Path) -> None:
    path = serving(models.linear(tmp_path / "linear.onnx"), hooks={"file": "hooks.py", "seconds": 1})
    (tmp_path / "linear.onnx").unlink()
    environment = {"PORT": "abc", "AIP_PREDICT_ROUTE": "predict"}
    server = Running(path, "--host", "127.0.0.1", environment=environment, wait=False)
    code, errors = server.end()
    assert code == 2
    assert errors.splitlines() == [
        "The server cannot start, for 4 reasons:",
        "- AIP_PREDICT_ROUTE is 'predict'; a path that begins with / is wanted.",
        "- PORT is 'abc'; a port is a whole number from 0 to 65535. Set it to one, or unset it.",
        f"- serving.json has model.file 'linear.onnx', and {tmp_path / 'linear.onnx'} is not a file.",
        f"- serving.json has hooks.file 'hooks.py', and {tmp_path / 'hooks.py'} is not a file.",
    ]
