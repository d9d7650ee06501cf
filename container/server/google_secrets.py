"""Secrets of Google's Secret Manager, read as this machine's service account; `server.secrets` asks for them."""

from __future__ import annotations

import base64
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from server.errors import StartError
from server.google_identity import Identity, identity
from server.log import log

SERVICE = "https://secretmanager.googleapis.com"
# What gcloud itself takes for another address of the service.
OVERRIDE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER"
TRIES = 5
TIMEOUT_SECONDS = 10.0
PAUSE_SECONDS = 0.5

NAME = re.compile(r"projects/[a-z0-9:.-]+/secrets/[A-Za-z0-9_-]{1,255}/versions/(latest|[1-9][0-9]*|[A-Za-z0-9_-]+)")

_HINTS = {
    400: "Its version is disabled or destroyed, or the name is none. Enable it, or name another.",
    401: "The account of this machine was refused.",
    403: "Give the endpoint's service account the role roles/secretmanager.secretAccessor on it.",
    404: "There is no such secret, or no such version of it.",
}


@dataclass
class Reader:
    base: str
    identity: Identity
    _given_up: bool = field(default=False)

    def read(self, names: str, name: str) -> str:
        """The value, asked for again after a fault that may pass. `names`: its variables. Raises StartError."""
        most = 1 if self._given_up else TRIES
        for number in range(most):
            try:
                return self._value(name)
            except urllib.error.HTTPError as error:
                reason, hint = f"HTTP {error.code}", _HINTS.get(error.code, "")
                passing = error.code in (408, 429) or error.code >= 500
            except (OSError, http.client.HTTPException) as error:
                inner = getattr(error, "reason", error)
                reason, passing = f"{type(inner).__name__}: {inner}", True
                hint = f"Give the endpoint a way to {self.base}, and run it on Google Cloud, as a service account."
                self._given_up = number == most - 1
            except (KeyError, TypeError, ValueError):
                # Without its cause, whose words may hold a part of the value.
                raise StartError(
                    f"The secret {name} for {names} has no text: its value is binary, or the answer is not Secret "
                    "Manager's. Keep text in it."
                ) from None
            if not passing or number == most - 1:
                tries = f" after {number + 1} tries" if number else ""
                raise StartError(f"The secret {name} for {names} cannot be read{tries}: {reason}. {hint}".strip())
            log("warning", "reading a secret again", variables=names, reason=reason, tried=number + 1)
            time.sleep(PAUSE_SECONDS * 2**number)
        raise AssertionError("unreachable")

    def _value(self, name: str) -> str:
        headers = {"Authorization": f"Bearer {self.identity.bearer()}"}
        request = urllib.request.Request(f"{self.base}/v1/{name}:access", headers=headers)
        with urllib.request.build_opener(_Stay).open(request, timeout=TIMEOUT_SECONDS) as answer:
            document = orjson.loads(answer.read())
        return base64.b64decode(document["payload"]["data"], validate=True).decode()


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a token of one host goes to no other."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def reader(environment: Mapping[str, str]) -> Reader:
    return Reader((environment.get(OVERRIDE) or SERVICE).rstrip("/"), identity(environment))
