"""The report of a run, step 1: reads what Prometheus saw, by its HTTP API.

Only the standard library: the notebook carries this file's text.
"""

from __future__ import annotations

import json
import math
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

TOKEN_VARIABLE = "SLIPWAY_PROMETHEUS_TOKEN"
"""Holds a token that Prometheus wants; it is written nowhere."""
SECONDS = 30
"""For one answer, most."""

Series = list[dict[str, Any]]
"""Of one query: `labels`, and `points` of seconds since the epoch and a value, which is None where there is none."""


class ReadingError(Exception):
    """Prometheus did not answer as it should; a sentence for people."""


def read(request: Mapping[str, Any]) -> dict[str, Series]:
    """The answer to every query of the request, by name. Raises ReadingError."""
    base = request["prometheus"].rstrip("/")
    return {name: _answer(base, asked, request) for name, asked in request["queries"].items()}


def _answer(base: str, asked: Mapping[str, Any], request: Mapping[str, Any]) -> Series:
    """At the end alone, or every `stepSeconds` from `afterSeconds` after the start on."""
    if asked["stepSeconds"] is None:
        found = _ask(f"{base}/api/v1/query", {"query": asked["query"], "time": request["end"]})
        return [_series(entry["metric"], [entry["value"]]) for entry in found]
    start, end = request["start"] + asked["afterSeconds"], request["end"]
    span = {"start": start, "end": end, "step": asked["stepSeconds"]}
    found = _ask(f"{base}/api/v1/query_range", {"query": asked["query"], **span}) if start <= end else []
    return [_series(entry["metric"], entry["values"]) for entry in found]


def _series(labels: Mapping[str, str], values: list[tuple[float, str]]) -> dict[str, Any]:
    return {"labels": dict(labels), "points": [[float(at), _number(value)] for at, value in values]}


def _number(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _ask(url: str, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    body = urllib.parse.urlencode(fields).encode()
    # Not through a proxy: it is on this machine, or in the same network.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = urllib.request.Request(url, body)
    if os.environ.get(TOKEN_VARIABLE):
        asked.add_unredirected_header("Authorization", f"Bearer {os.environ[TOKEN_VARIABLE]}")
    try:
        with opener.open(asked, timeout=SECONDS) as answer:
            document = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise ReadingError(f"'{url}' answers with status {error.code}{_said(error)}.") from None
    except OSError as error:
        why = getattr(error, "reason", None) or error
        raise ReadingError(f"'{url}' cannot be reached: {why}. Is Prometheus running?") from None
    except ValueError:
        raise ReadingError(f"'{url}' does not answer as Prometheus does. Give the address of a Prometheus.") from None
    if not isinstance(document, dict) or document.get("status") != "success":
        raise ReadingError(f"'{url}' does not answer as Prometheus does. Give the address of a Prometheus.")
    return document["data"]["result"]


def _said(error: urllib.error.HTTPError) -> str:
    """What Prometheus says of a query that it refuses."""
    try:
        return f": {str(json.loads(error.read())['error'])[:300]}"
    except (ValueError, KeyError, TypeError, OSError):
        return ""
