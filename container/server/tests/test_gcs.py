"""Fetching a model's folder from Cloud Storage: pages, identity, broken downloads, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server import gcs
from server.errors import StartError
from server.tests.storage import Storage, storage


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    monkeypatch.setattr(gcs.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(gcs.Bucket, "pause", 0.001)
    with storage() as running:
        running.objects = {
            "fraud/v1/serving.json": b"{}",
            "fraud/v1/report.json": b"[]",
            "fraud/v1/model.onnx": bytes(range(256)) * 5000,
            "fraud/v1/parts/a b+c.data": b"weights",
            "fraud/v1/": b"",
            "fraud/v10/serving.json": b"of another version",
        }
        yield running


def fetched(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def whole(bucket: Storage) -> dict[str, bytes]:
    names = [name for name in bucket.objects if name.startswith("fraud/v1/") and not name.endswith("/")]
    return {name.removeprefix("fraud/v1/"): bucket.objects[name] for name in names}


@pytest.mark.parametrize("uri", ["gs://models/fraud/v1", "gs://models/fraud/v1/"])
@pytest.mark.parametrize("wants_token", [False, True])
def test_a_folder_comes_whole_small_text_first(bucket: Storage, uri: str, wants_token: bool) -> None:
    bucket.wants_token = wants_token
    model = gcs.begin(uri, bucket.environment())
    assert set(fetched(model.folder)) == {"serving.json", "report.json"}
    model.finish()
    assert fetched(model.folder) == whole(bucket)
    assert bucket.tokens == int(wants_token)  # One token serves every request.


def test_a_broken_download_goes_on_where_it_ended(bucket: Storage) -> None:
    model = gcs.begin("gs://models/fraud/v1", bucket.environment())
    bucket.faults = [-1000, 503, 429, -300_000]
    model.finish()
    assert fetched(model.folder) == whole(bucket)
    ranges = [asked for path, asked in bucket.asked if path.endswith("model.onnx")]
    assert ranges[0] is None
    assert ranges[-1] == "bytes=301000-"


def test_a_bucket_that_never_answers_well_is_given_up_with_a_sentence(bucket: Storage) -> None:
    model = gcs.begin("gs://models/fraud/v1", bucket.environment())
    bucket.faults = [500] * 50
    with pytest.raises(StartError, match=r"gs://models/fraud/v1/model.onnx cannot be fetched after 6 tries: HTTP 500"):
        model.finish()


def test_other_bytes_than_the_bucket_says_are_refused(bucket: Storage) -> None:
    bucket.md5["fraud/v1/model.onnx"] = "AAAAAAAAAAAAAAAAAAAAAA=="
    model = gcs.begin("gs://models/fraud/v1", bucket.environment())
    with pytest.raises(StartError, match="came with other bytes than Cloud Storage has"):
        model.finish()
    assert "model.onnx" not in fetched(model.folder)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s3://models/fraud", "gs://BUCKET/FOLDER is wanted"),
        ("gs://", "gs://BUCKET/FOLDER is wanted"),
        ("gs://models/nothing", r"there is no serving\.json in it \(0 objects\)"),
        ("gs://models/fraud/v1/parts", r"there is no serving\.json in it \(1 objects\)"),
        ("gs://other/fraud", "cannot be fetched: HTTP 404. There is no such bucket or object"),
    ],
)
def test_what_is_no_model_is_told(bucket: Storage, uri: str, message: str) -> None:
    with pytest.raises(StartError, match=message):
        gcs.begin(uri, bucket.environment())


def test_an_account_without_the_right_is_told_which_one(bucket: Storage) -> None:
    model = gcs.begin("gs://models/fraud/v1", bucket.environment())
    bucket.faults = [403]
    with pytest.raises(StartError, match=r"HTTP 403\. Give the endpoint's service account the role roles/storage"):
        model.finish()


@pytest.mark.parametrize("name", ["fraud/v1/../../escape", "fraud/v1//etc/passwd"])
def test_a_name_that_leaves_the_folder_is_refused(bucket: Storage, tmp_path: Path, name: str) -> None:
    bucket.objects[name] = b"x"
    with pytest.raises(StartError, match="which lies in no folder"):
        gcs.begin("gs://models/fraud/v1", bucket.environment())
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_the_model_is_told_before_it_is_fetched(
    bucket: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = gcs.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(gcs.shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(StartError, match=r"has 1280011 bytes, and .* has room for 10\. Mount a larger folder"):
        gcs.begin("gs://models/fraud/v1", bucket.environment())
    monkeypatch.setattr(gcs.tempfile, "tempdir", "/proc/nowhere")
    with pytest.raises(StartError, match="no folder can be written"):
        gcs.begin("gs://models/fraud/v1", bucket.environment())


def test_no_metadata_server_is_a_sentence(bucket: Storage) -> None:
    environment = bucket.environment() | {"GCE_METADATA_HOST": "127.0.0.1:1"}
    with pytest.raises(StartError, match=r"cannot be fetched after 6 tries: ConnectionRefusedError"):
        gcs.begin("gs://models/fraud/v1", environment)
