"""Who this machine is on Google Cloud: an access token of its service account, from its metadata server."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

TIMEOUT_SECONDS = 10.0


@dataclass
class Identity:
    token_url: str
    _token: tuple[str, float] = ("", 0.0)

    def bearer(self) -> str:
        """The token, asked for again a minute before it ends; never by way of a proxy."""
        text, end = self._token
        if time.monotonic() < end:
            return text
        request = urllib.request.Request(self.token_url, headers={"Metadata-Flavor": "Google"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            document = orjson.loads(answer.read())
        self._token = document["access_token"], time.monotonic() + float(document.get("expires_in", 0)) - 60
        return self._token[0]


def identity(environment: Mapping[str, str]) -> Identity:
    host = environment.get("GCE_METADATA_HOST") or "metadata.google.internal"
    return Identity(f"http://{host}/computeMetadata/v1/instance/service-accounts/default/token")
