"""The first step of a start on SageMaker: secrets that the description names by reference become environment variables.

`SLIPWAY_SECRETS` is a JSON object of variable names and ARNs of AWS Secrets Manager, `ARN#FIELD` for one field of a
secret that is a JSON object. Values are never logged, and in no answer of the server.
"""

from __future__ import annotations

import base64
import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import orjson

from server.errors import StartError, quote, together
from server.log import log
from server.sigv4 import Credentials, signed

VARIABLE = "SLIPWAY_SECRETS"
TRIES = 5
TIMEOUT_SECONDS = 10.0
PAUSE_SECONDS = 0.5
CONTAINER_HOST = "http://169.254.170.2"
INSTANCE_HOST = "http://169.254.169.254"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = re.compile(r"PATH|PYTHONPATH|LD_LIBRARY_PATH|LD_PRELOAD|SLIPWAY_.*")
_ARN = re.compile(r"arn:(aws[a-z-]*):secretsmanager:([a-z0-9-]+):\d{12}:secret:[^#\s]+")
_PASSING = {"ThrottlingException", "InternalServiceError", "InternalServiceErrorException", "RequestLimitExceeded"}
_HINTS = {
    "ResourceNotFoundException": "There is no such secret, or it has no value.",
    "AccessDeniedException": "Give the endpoint's role secretsmanager:GetSecretValue, and kms:Decrypt on the key.",
    "DecryptionFailure": "Give the endpoint's role kms:Decrypt on the secret's key.",
    "InvalidRequestException": "The secret is about to be deleted, or has no value.",
}


def take(environment: MutableMapping[str, str] = os.environ) -> None:
    """Reads every secret into its variable. Raises StartError with every problem; then no variable has changed."""
    text = environment.get(VARIABLE, "")
    if not text:
        return
    references = _references(text)
    problems: list[StartError] = []
    found: dict[str, str] = {}
    answers: dict[str, str | StartError] = {}
    credentials = _credentials(environment)
    for name, reference in references.items():
        arn, _, field = reference.partition("#")
        if arn not in answers:
            answers[arn] = _tried(name, arn, environment, credentials)
        answer = answers[arn]
        try:
            if isinstance(answer, StartError):
                raise answer
            found[name] = _field(name, arn, field, answer) if field else answer
        except StartError as error:
            problems.append(error)
    if problems:
        raise together(problems)
    environment.update(found)
    log("info", "secrets read", variables=sorted(found))


def _references(text: str) -> dict[str, str]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise StartError(f"{VARIABLE} is no JSON. Give an object of variable names and ARNs.") from error
    if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
        raise StartError(f"{VARIABLE} is no object of variable names and ARNs.")
    problems = [
        StartError(
            f"{VARIABLE}: {quote(name)} cannot be a variable of a secret. Give letters, digits and '_', not beginning "
            "with a digit or SLIPWAY_, and no variable that Python starts with."
        )
        for name in document
        if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name)
    ] + [
        StartError(f"{VARIABLE}: {name} is {quote(arn, 200)}, no ARN of a secret of AWS Secrets Manager.")
        for name, arn in document.items()
        if not _ARN.fullmatch(arn.partition("#")[0])
    ]
    if problems:
        raise together(problems)
    return document


def _field(name: str, arn: str, field: str, text: str) -> str:
    try:
        document = orjson.loads(text)
        value = document[field]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise StartError(f"The secret {arn} for {name} has no field {quote(field)}: name one of its JSON.") from error
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _tried(
    name: str, arn: str, environment: Mapping[str, str], credentials: Credentials | StartError
) -> str | StartError:
    """The value, again after a fault that may pass; or why there is none."""
    if isinstance(credentials, StartError):
        return credentials
    for number in range(TRIES):
        try:
            return _value(arn, environment, credentials)
        except urllib.error.HTTPError as error:
            kind = _kind(error)
            reason, passing = f"HTTP {error.code} {kind}".strip(), error.code >= 500 or kind in _PASSING
            hint = _HINTS.get(kind, "")
        except (OSError, http.client.HTTPException) as error:
            inner = getattr(error, "reason", error)
            reason, passing, hint = f"{type(inner).__name__}: {inner}", True, "Is there a way to Secrets Manager?"
        except (KeyError, TypeError, ValueError):
            return StartError(f"The secret {arn} for {name} has no text: its value is binary, or the answer is broken.")
        if not passing or number == TRIES - 1:
            tries = f" after {number + 1} tries" if number else ""
            return StartError(f"The secret {arn} for {name} cannot be read{tries}: {reason}. {hint}".strip())
        log("warning", "reading a secret again", variable=name, reason=reason, tried=number + 1)
        time.sleep(PAUSE_SECONDS * 2**number)
    raise AssertionError("unreachable")


def _kind(error: urllib.error.HTTPError) -> str:
    """The service's own name of an error, such as ResourceNotFoundException."""
    try:
        return str(orjson.loads(error.read())["__type"]).rpartition("#")[2]
    except (orjson.JSONDecodeError, KeyError, TypeError, OSError):
        return ""


def _value(arn: str, environment: Mapping[str, str], credentials: Credentials) -> str:
    match = _ARN.fullmatch(arn)
    assert match is not None
    partition, region = match[1], match[2]
    domain = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    other = environment.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or environment.get("AWS_ENDPOINT_URL")
    url = f"{(other or f'https://secretsmanager.{region}.{domain}').rstrip('/')}/"
    body = orjson.dumps({"SecretId": arn})
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
    sent = signed("POST", url, headers, body, credentials, region, "secretsmanager")
    request = urllib.request.Request(url, data=body, headers=sent, method="POST")
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        document = orjson.loads(answer.read())
    if "SecretString" in document:
        return document["SecretString"]
    return base64.b64decode(document["SecretBinary"], validate=True).decode()


def _credentials(environment: Mapping[str, str]) -> Credentials | StartError:
    """Of the environment, of the container, of the machine: the first there is."""
    key_id, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if key_id and secret:
        return Credentials(key_id, secret, environment.get("AWS_SESSION_TOKEN") or None)
    steps: list[Callable[[Mapping[str, str]], dict[str, Any] | None]] = [_of_container, _of_machine]
    reasons: list[str] = []
    for step in steps:
        try:
            document = step(environment)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reasons.append(f"{type(error).__name__}: {getattr(error, 'reason', error)}")
            continue
        if document is not None:
            return Credentials(document["AccessKeyId"], document["SecretAccessKey"], document.get("Token"))
    return StartError(
        f"{VARIABLE} names secrets, and there are no credentials to read them with "
        f"({'; '.join(reasons) or 'none found'}). On SageMaker the endpoint's role gives them; elsewhere set "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    )


def _read(url: str, headers: Mapping[str, str], method: str = "GET") -> bytes:
    """Never by way of a proxy: these addresses are this machine's."""
    request = urllib.request.Request(url, headers=dict(headers), method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=2) as answer:
        return answer.read()


def _of_container(environment: Mapping[str, str]) -> dict[str, Any] | None:
    relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    url = f"{CONTAINER_HOST}{relative}" if relative else environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not url:
        return None
    file = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    token = Path(file).read_text().strip() if file else environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    return orjson.loads(_read(url, {"Authorization": token} if token else {}))


def _of_machine(environment: Mapping[str, str]) -> dict[str, Any] | None:
    if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    host = (environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or INSTANCE_HOST).rstrip("/")
    token = _read(f"{host}/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"}, "PUT").decode()
    headers = {"X-aws-ec2-metadata-token": token}
    roles = f"{host}/latest/meta-data/iam/security-credentials/"
    role = _read(roles, headers).decode().split()[0]
    return orjson.loads(_read(f"{roles}{role}", headers))
