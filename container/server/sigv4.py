"""AWS Signature Version 4 of one request, with the standard library: what a start signs, nothing of the request path.

Source: AWS General Reference, "Signature Version 4 signing process".
"""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.parse
from collections.abc import Mapping
from typing import NamedTuple

ALGORITHM = "AWS4-HMAC-SHA256"


class Credentials(NamedTuple):
    """Who signs. `token` belongs to credentials that end."""

    key_id: str
    secret: str
    token: str | None


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    region: str,
    service: str,
    now: float | None = None,
) -> dict[str, str]:
    """The headers to send: those given and Host, with date, token and signature. `now` is in seconds since 1970."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    parts = urllib.parse.urlsplit(url)
    sent = {**headers, "Host": parts.netloc, "X-Amz-Date": moment}
    if credentials.token:
        sent["X-Amz-Security-Token"] = credentials.token
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in sent.items())
    names = ";".join(name for name, _ in lines)
    pairs = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
    query = sorted((_encoded(key), _encoded(value)) for key, value in pairs)
    request = "\n".join(
        [
            method,
            urllib.parse.quote(parts.path or "/", safe="/~"),
            "&".join(f"{key}={value}" for key, value in query),
            *(f"{name}:{value}" for name, value in lines),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = "\n".join([ALGORITHM, moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{credentials.secret}".encode()
    for part in (moment[:8], region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={credentials.key_id}/{scope}"
    return {**sent, "Authorization": f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"}


def _encoded(text: str) -> str:
    return urllib.parse.quote(text, safe="~")
