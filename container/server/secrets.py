"""The first step of a start where the platform hands over no secrets itself: SageMaker and Vertex AI. Secrets that the
description names by reference become environment variables.

`SLIPWAY_SECRETS` is a JSON object of variable names and ARNs of AWS Secrets Manager, or names of versions in Google's
Secret Manager (`projects/P/secrets/S/versions/V`); with `#FIELD` for one field of a secret that is a JSON object.
Values are never logged, and in no answer of the server.
"""

from __future__ import annotations

import base64
import http.client
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from server import google_secrets
from server.errors import StartError, quote
from server.log import log
from server.sigv4 import Credentials, signed

VARIABLE = "SLIPWAY_SECRETS"
TRIES = 5
TIMEOUT_SECONDS = 10.0
PAUSE_SECONDS = 0.5
# Of one answer of the container's or the machine's own address, which is near or not there.
MACHINE_SECONDS = 2.0
CONTAINER_HOST = "http://169.254.170.2"
INSTANCE_HOST = "http://169.254.169.254"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = re.compile(r"PATH|PYTHONPATH|LD_LIBRARY_PATH|LD_PRELOAD|SLIPWAY_.*", re.DOTALL)
_ARN = re.compile(r"arn:(aws[a-z-]*):secretsmanager:([a-z0-9-]+):[0-9]{12}:secret:[^#\s]+")
_PASSING = {
    "InternalServiceError",
    "InternalServiceErrorException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TooManyRequestsException",
}
_KEY = "Give the endpoint's role kms:Decrypt on the key that the secret is encrypted with."
_REFUSED = "The credentials were refused. Give the endpoint a role, or set valid AWS_ACCESS_KEY_ID and its companions."
_HINTS = {
    "ResourceNotFoundException": "There is no such secret, or it has no value. Name one of this account and region.",
    "AccessDeniedException": "Give the endpoint's role secretsmanager:GetSecretValue on {arn}.",
    "DecryptionFailure": _KEY,
    "InvalidRequestException": "The secret is about to be deleted, or has no value. Restore it or name another.",
    "ExpiredTokenException": _REFUSED,
    "InvalidClientTokenId": _REFUSED,
    "UnrecognizedClientException": _REFUSED,
    "InvalidSignatureException": "The secret key is another one, or this machine's clock is wrong.",
}


def take(environment: MutableMapping[str, str] = os.environ) -> list[StartError]:
    """Reads every secret into its variable. Gives every problem; where there is one, no variable has changed."""
    text = environment.get(VARIABLE, "")
    if not text:
        return []
    references, problems = _references(text)
    try:
        base = _base(environment)
    except StartError as error:
        return [*problems, error]
    if problems or not references:
        return problems
    readers: dict[bool, Reader | google_secrets.Reader] = {}
    try:
        for google in {_is_google(reference) for reference in references.values()}:
            readers[google] = google_secrets.reader(environment) if google else Reader(base, _credentials(environment))
    except StartError as error:
        return [error]
    found: dict[str, str] = {}
    variables: dict[str, dict[str, str]] = {}
    for name, reference in references.items():
        arn, _, key = reference.partition("#")
        variables.setdefault(arn, {})[name] = key
    for arn, keys in variables.items():
        try:
            text = readers[_is_google(arn)].read(", ".join(keys), arn)
        except StartError as error:
            problems.append(error)
            continue
        for name, key in keys.items():
            try:
                found[name] = _part(name, arn, key, text)
            except StartError as error:
                problems.append(error)
    if not problems:
        environment.update(found)
        log("info", "secrets read", variables=sorted(found))
    return problems


def _references(text: str) -> tuple[dict[str, str], list[StartError]]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}, [StartError(f"{VARIABLE} is no JSON. Give an object of variable names and ARNs.")]
    if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
        said = f"{VARIABLE} is no object of variable names and ARNs. Give one, with a string for each name."
        return {}, [StartError(said)]
    names = [
        StartError(
            f"{VARIABLE}: {quote(name)} cannot be a variable of a secret. Give letters, digits and '_', not beginning "
            "with a digit or SLIPWAY_; PATH, PYTHONPATH, LD_LIBRARY_PATH and LD_PRELOAD stay as they are."
        )
        for name in document
        if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name)
    ]
    arns = [
        StartError(
            f"{VARIABLE}: {quote(name)} is {quote(arn, 200)}, no ARN of a secret of AWS Secrets Manager. "
            "Give arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, on Google Cloud "
            "projects/PROJECT/secrets/NAME/versions/VERSION; for one field of its JSON with #FIELD after it."
        )
        for name, arn in document.items()
        if not (_ARN.fullmatch(arn.partition("#")[0]) or _is_google(arn)) or arn.endswith("#")
    ]
    return document, names + arns


def _is_google(reference: str) -> bool:
    return google_secrets.NAME.fullmatch(reference.partition("#")[0]) is not None


def _part(name: str, arn: str, key: str, text: str) -> str:
    """What a variable gets of a secret's text: one field, or all of it where `key` is empty."""
    value = text
    if key:
        try:
            value = orjson.loads(text)[key]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise StartError(f"The secret {arn} for {name} has no field {quote(key)}: name one of its JSON.") from error
    value = value if isinstance(value, str) else orjson.dumps(value).decode()
    if "\0" in value:
        raise StartError(
            f"The secret {arn} for {name} holds a zero byte, which no environment variable can. Keep it as Base64."
        )
    return value


@dataclass
class Reader:
    """How to ask Secrets Manager. `base` takes the place of the service's own address."""

    base: str | None
    credentials: Credentials
    _given_up: set[str] = field(default_factory=set)

    def read(self, names: str, arn: str) -> str:
        """The value, asked for again after a fault that may pass. `names`: its variables. Raises StartError."""
        url = self.base or _service(arn)
        # Where there is no way for one secret, there is none for the next: a start must not wait for each.
        most = 1 if url in self._given_up else TRIES
        for number in range(most):
            try:
                return _value(arn, url, self.credentials)
            except urllib.error.HTTPError as error:
                kind, hint = _refusal(error)
                reason = f"{_reason(error)} {kind}".strip()
                passing, hint = _may_pass(error) or kind in _PASSING, hint.format(arn=arn)
            except (OSError, http.client.HTTPException) as error:
                reason, passing = _reason(error), True
                hint = f"Give the endpoint a way to {url}, such as a NAT gateway or an interface endpoint."
                if number == most - 1:
                    self._given_up.add(url)
            except (KeyError, TypeError, ValueError):
                # Without its cause, whose words may hold a part of the value.
                raise StartError(
                    f"The secret {arn} for {names} has no text: its value is binary, or the answer is not Secrets "
                    "Manager's. Keep text in it."
                ) from None
            if not passing or number == most - 1:
                tries = f" after {number + 1} tries" if number else ""
                raise StartError(f"The secret {arn} for {names} cannot be read{tries}: {reason}. {hint}".strip())
            log("warning", "reading a secret again", variables=names, reason=reason, tried=number + 1)
            time.sleep(PAUSE_SECONDS * 2**number)
        raise AssertionError("unreachable")


def _may_pass(error: urllib.error.HTTPError) -> bool:
    return error.code in (408, 429) or error.code >= 500


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    inner = getattr(error, "reason", error)
    return f"{type(inner).__name__}: {inner}" if isinstance(inner, Exception) else f"{type(error).__name__}: {inner}"


def _refusal(error: urllib.error.HTTPError) -> tuple[str, str]:
    """The service's own name of an error, such as ResourceNotFoundException, and what to do about it."""
    try:
        document = orjson.loads(error.read())
        kind = str(document["__type"]).rpartition("#")[2]
        said = str(document.get("Message") or document.get("message"))
    except (orjson.JSONDecodeError, KeyError, TypeError, OSError, http.client.HTTPException):
        return "", ""
    # A role that may read the secret but not use its key gets the same name of an error.
    return kind, _KEY if kind == "AccessDeniedException" and "KMS" in said else _HINTS.get(kind, "")


def _base(environment: Mapping[str, str]) -> str | None:
    """The address that takes the place of the service's own, or None. Raises StartError."""
    for name in ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"):
        given = environment.get(name)
        if given:
            if not _is_address(given):
                raise StartError(f"{name} is {quote(given, 200)}; an address is wanted, https://HOST or http://HOST.")
            return f"{given.rstrip('/')}/"
    return None


def _is_address(text: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and re.fullmatch(r"[!-~]+", text) is not None


def _service(arn: str) -> str:
    match = _ARN.fullmatch(arn)
    assert match is not None
    domain = "amazonaws.com.cn" if match[1] == "aws-cn" else "amazonaws.com"
    return f"https://secretsmanager.{match[2]}.{domain}/"


def _value(arn: str, url: str, credentials: Credentials) -> str:
    body = orjson.dumps({"SecretId": arn})
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
    sent = signed("POST", url, headers, body, credentials, arn.split(":")[3], "secretsmanager")
    request = urllib.request.Request(url, data=body, headers=sent, method="POST")
    with urllib.request.build_opener(_Stay).open(request, timeout=TIMEOUT_SECONDS) as answer:
        document = orjson.loads(answer.read())
    text = document.get("SecretString") if isinstance(document, dict) else None
    return text if isinstance(text, str) else base64.b64decode(document["SecretBinary"], validate=True).decode()


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: what is signed for one host, or is a token of one, goes to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _credentials(environment: Mapping[str, str]) -> Credentials:
    """Of the environment, of the container, of the machine: the first there is. Raises StartError."""
    key_id, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if key_id and secret:
        return _printable("the environment", key_id, secret, environment.get("AWS_SESSION_TOKEN"))
    steps: dict[str, Callable[[Mapping[str, str]], dict[str, Any] | None]] = {
        "the container": _of_container,
        "the machine": _of_machine,
    }
    reasons: list[str] = []
    for whose, step in steps.items():
        try:
            document = step(environment)
            if document is not None:
                return _printable(whose, document["AccessKeyId"], document["SecretAccessKey"], document.get("Token"))
        except (OSError, http.client.HTTPException) as error:
            reasons.append(f"{whose}: {_reason(error)}")
        except (IndexError, KeyError, TypeError, ValueError):
            # Their words may hold a token.
            reasons.append(f"{whose}: what was answered has no keys")
    raise StartError(
        f"{VARIABLE} names secrets, and there are no credentials to read them with "
        f"({'; '.join(reasons) or 'none found'}). On SageMaker the endpoint's role gives them; elsewhere set "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    )


def _printable(whose: str, key_id: str, secret: str, token: str | None) -> Credentials:
    """Refuses what would not fit into a header, before a message of another module shows it."""
    if not all(re.fullmatch(r"[!-~]+", text) for text in (key_id, secret, token or "-")):
        raise StartError(
            f"{VARIABLE} names secrets, and the credentials of {whose} have spaces, line ends or other characters "
            "that no credentials have. Set them without."
        )
    return Credentials(key_id, secret, token or None)


def _read(url: str, headers: Mapping[str, str], method: str = "GET", sure: bool = False) -> bytes:
    """Never by way of a proxy: these addresses are this machine's. Again after an answer that says to wait, and, where
    somebody is `sure` to be there, after none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
    for number in range(TRIES):
        try:
            request = urllib.request.Request(url, headers=dict(headers), method=method)
            with opener.open(request, timeout=MACHINE_SECONDS) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if not _may_pass(error) or number == TRIES - 1:
                raise
            reason = _reason(error)
        except (OSError, http.client.HTTPException) as error:
            if not sure or number == TRIES - 1:
                raise
            reason = _reason(error)
        log("warning", "asking for credentials again", reason=reason, tried=number + 1)
        time.sleep(PAUSE_SECONDS * 2**number)
    raise AssertionError("unreachable")


def _of_container(environment: Mapping[str, str]) -> dict[str, Any] | None:
    relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    url = f"{CONTAINER_HOST}{relative}" if relative else environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not url:
        return None
    file = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    token = Path(file).read_text() if file else environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    return orjson.loads(_read(url, {"Authorization": token.strip()} if token.strip() else {}, sure=True))


def _of_machine(environment: Mapping[str, str]) -> dict[str, Any] | None:
    if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    host = (environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or INSTANCE_HOST).rstrip("/")
    token = _read(f"{host}/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"}, "PUT").decode()
    headers = {"X-aws-ec2-metadata-token": token}
    roles = f"{host}/latest/meta-data/iam/security-credentials/"
    role = _read(roles, headers).decode().split()[0]
    return orjson.loads(_read(f"{roles}{role}", headers))
