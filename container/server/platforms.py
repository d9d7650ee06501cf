"""What a platform asks for by its environment: further routes, and the ways it takes to routes it cannot spell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from server.errors import StartError, quote

_ROUTE = re.compile(r"/[\x21-\x7e]*\Z")
_ATTRIBUTE = re.compile(rb"(?:^|[,;\s])route=([^,;\s]+)")


@dataclass(frozen=True, slots=True)
class Platform:
    """Vertex AI's routes: `health` answers GET, `predict` takes POST; empty on every other platform."""

    health: tuple[str, ...] = ()
    predict: tuple[str, ...] = ()

    @staticmethod
    def of(environment: Mapping[str, str]) -> Platform:
        """Vertex AI says its routes in AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE; without them they follow from the ids.

        Raises StartError for a route that is no path.
        """
        endpoint, model = environment.get("AIP_ENDPOINT_ID", ""), environment.get("AIP_DEPLOYED_MODEL_ID", "")
        base = f"/v1/endpoints/{endpoint}/deployedModels/{model}" if endpoint and model else ""
        health = [environment.get("AIP_HEALTH_ROUTE", ""), base]
        predict = [environment.get("AIP_PREDICT_ROUTE", ""), f"{base}:predict" if base else ""]
        for name, route in (("AIP_HEALTH_ROUTE", health[0]), ("AIP_PREDICT_ROUTE", predict[0])):
            if route and not (_ROUTE.match(route) and "?" not in route):
                raise StartError(f"{name} is {quote(route, 200)}; a path that begins with / is wanted.")
        return Platform(tuple(filter(None, health)), tuple(filter(None, predict)))


def redirect(headers: dict[bytes, bytes]) -> bytes | None:
    """The path that a request to a predict route is meant for, or None: SageMaker and Vertex AI pass on one path only.

    SageMaker: `X-Amzn-SageMaker-Custom-Attributes: route=/v2/models/m/infer`, alone or among others, separated by
    commas. Vertex AI: `X-Vertex-Ai-Triton-Redirect: v2/models/m/infer`.
    """
    attributes = headers.get(b"x-amzn-sagemaker-custom-attributes")
    if attributes is not None:
        found = _ATTRIBUTE.search(attributes)
        if found is not None:
            return b"/" + found[1].lstrip(b"/")
    other = headers.get(b"x-vertex-ai-triton-redirect")
    return None if other is None else b"/" + other.strip().lstrip(b"/")
