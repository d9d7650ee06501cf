"""Checks every resource against CloudFormation's schemas before anything is made: names, types, required, values."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError

SCALARS = {"string": str, "integer": int, "number": (int, float), "boolean": bool}


@cache
def schema_of(region: str, resource_type: str) -> dict[str, Any]:
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, resource_type).schema


@cache
def hosted(region: str) -> frozenset[str]:
    """Machine types for endpoints in a region, from cfn-lint's tables, which apply them to experiments only."""
    text = resources.files("cfnlint.data.schemas.extensions.aws_sagemaker_hosting").joinpath("instancetype_enum.json")
    return frozenset(json.loads(text.read_text())[region]["enum"])


class RefusedError(ValidationError):
    """Before anything was made."""


def intrinsic(value: Any) -> bool:
    """What is known only when the stack is made."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    [name] = value
    return name in ("Ref", "Condition") or name.startswith("Fn::")


def resolved(shape: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in shape:
        found: Any = root
        for part in shape["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        shape = found
    return shape


def fits(kind: str, value: Any) -> bool:
    """CloudFormation takes numbers and flags as text, too."""
    if kind == "string":
        return isinstance(value, (str, int, float))
    if kind == "boolean":
        return isinstance(value, bool) or value in ("true", "false")
    if kind in ("integer", "number"):
        try:
            return not isinstance(value, bool) and float(value) is not None
        except (TypeError, ValueError):
            return False
    return isinstance(value, {"object": dict, "array": list}.get(kind, object))


def problems(shape: dict[str, Any], value: Any, where: str, root: dict[str, Any]) -> list[str]:
    if intrinsic(value):
        return []
    shape = resolved(shape, root)
    kinds = shape.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(fits(kind, value) for kind in kinds):
        return [f"{where} is {json.dumps(value)[:80]}, not {' or '.join(kinds)}"]
    found: list[str] = []
    if "enum" in shape and str(value) not in [str(each) for each in shape["enum"]]:
        found.append(f"{where} is {value!r}, none of {shape['enum'][:12]}")
    if isinstance(value, list) and "items" in shape:
        for index, each in enumerate(value):
            found += problems(shape["items"], each, f"{where}[{index}]", root)
    if isinstance(value, dict) and "properties" in shape:
        named = shape["properties"]
        found += [f"{where} lacks {name}" for name in shape.get("required", []) if name not in value]
        if shape.get("additionalProperties") is False and "patternProperties" not in shape:
            found += [f"{where} has no property {name}" for name in value if name not in named]
        for name in value.keys() & named.keys():
            found += problems(named[name], value[name], f"{where}.{name}", root)
    return found


def machine_types(properties: dict[str, Any], region: str) -> list[str]:
    variants = [*properties.get("ProductionVariants", []), *properties.get("ShadowProductionVariants", [])]
    named = [
        each
        for variant in variants
        for each in (variant.get("InstanceType"), *(pool["InstanceType"] for pool in variant.get("InstancePools", [])))
        if isinstance(each, str)
    ]
    return [f"{each} is not hosted in {region}" for each in named if each not in hosted(region)]


def check(logical_id: str, resource: dict[str, Any], region: str) -> list[str]:
    """Everything wrong with one resource of a template."""
    kind, properties = resource["Type"], resource.get("Properties", {})
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
        return [] if "ServiceToken" in properties else [f"{logical_id} ({kind}) lacks ServiceToken"]
    if kind not in parsing.get_model_map() and kind not in parsing.NULL_MODELS:
        return [f"{logical_id}: this server has no {kind}"]
    root = schema_of(region, kind)
    found = problems(root | {"type": "object"}, properties, f"{logical_id} ({kind})", root)
    if kind == "AWS::SageMaker::EndpointConfig":
        found += machine_types(properties, region)
    return found


def refuse(template: dict[str, Any], region: str) -> None:
    """Raises RefusedError with every problem of a template."""
    found = [each for name, resource in template["Resources"].items() for each in check(name, resource, region)]
    if found:
        raise RefusedError(message="; ".join(found))


_create, _update = parsing.ResourceMap.create, parsing.ResourceMap.update


def create(self: Any, template: dict[str, Any]) -> bool:
    refuse(template, self._region_name)
    return _create(self, template)


def update(self: Any, template: dict[str, Any], parameters: dict[str, Any] | None = None) -> None:
    refuse(template, self._region_name)
    _update(self, template, parameters)


parsing.ResourceMap.create = create
parsing.ResourceMap.update = update

_parse = parsing.parse_resource


def parse_resource(resource_json: dict[str, Any], resources_map: Any) -> Any:
    """Once more with every reference resolved."""
    parsed = _parse(resource_json, resources_map)
    if parsed:
        found = check(resource_json["Type"], parsed[1], resources_map._region_name)
        if found:
            raise ValidationError(message="; ".join(found))
    return parsed


parsing.parse_resource = parse_resource
