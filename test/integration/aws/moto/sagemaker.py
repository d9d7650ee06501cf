"""Models, configurations, endpoints: checked as SageMaker does; an update gives the endpoint its new configuration."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.validate import ParamValidator
from moto.cloudformation.exceptions import ValidationError
from moto.sagemaker import models as sagemaker

_service = boto3.client(
    "sagemaker", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
).meta.service_model
# Of CloudFormation, not of the API.
_OF_UPDATES = {"RetainAllVariantProperties", "ExcludeRetainedVariantProperties", "RetainDeploymentConfig"}
# The configuration's own, which moto forgets.
_FORGOTTEN = {
    "ShadowProductionVariants": "shadow_production_variants",
    "ExecutionRoleArn": "execution_role_arn",
    "VpcConfig": "vpc_config",
    "EnableNetworkIsolation": "enable_network_isolation",
    "MetricsConfig": "metrics_config",
}


def enum_problems(shape: Any, value: Any, path: str) -> list[str]:
    if shape.type_name == "structure" and isinstance(value, dict):
        named = {key: each for key, each in value.items() if key in shape.members}
        return [e for key, each in named.items() for e in enum_problems(shape.members[key], each, f"{path}.{key}")]
    if shape.type_name == "list" and isinstance(value, list):
        return [e for i, each in enumerate(value) for e in enum_problems(shape.member, each, f"{path}[{i}]")]
    if shape.type_name == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        return [f"{path}: {value!r} is not one of the API's values"]
    return []


def check(operation: str, name_key: str, props: dict[str, Any]) -> None:
    shape = _service.operation_model(operation).input_shape
    value = {name_key: "x", **{key: each for key, each in props.items() if key not in _OF_UPDATES}}
    report = ParamValidator().validate(value, shape)
    found = ([report.generate_report()] if report.has_errors() else []) + enum_problems(shape, value, operation)
    if found:
        raise ValidationError(message="; ".join(found))


def checked(cls: Any, operation: str, name_key: str) -> None:
    create = cls.create_from_cloudformation_json.__func__

    def wrapper(
        klass: Any, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **more: Any
    ) -> Any:
        props = cloudformation_json["Properties"]
        check(operation, name_key, props)
        made = create(klass, resource_name, cloudformation_json, account_id, region_name, **more)
        for key, attribute in _FORGOTTEN.items():
            if key in props:
                setattr(made, attribute, props[key])
        return made

    cls.create_from_cloudformation_json = classmethod(wrapper)


checked(sagemaker.Model, "CreateModel", "ModelName")
checked(sagemaker.FakeEndpointConfig, "CreateEndpointConfig", "EndpointConfigName")
checked(sagemaker.FakeEndpoint, "CreateEndpoint", "EndpointName")


def validate_production_variants(self: Any, production_variants: list[dict[str, Any]]) -> None:
    """Machine types are checked by region before; here that each variant says what it runs on."""
    del self
    for variant in production_variants:
        if not {"InstanceType", "InstancePools", "ServerlessConfig"} & variant.keys():
            raise ValidationError(message=f"{variant['VariantName']} has neither machines nor ServerlessConfig")
        if not variant.get("ModelName") and "ManagedInstanceScaling" not in variant:
            raise ValidationError(message=f"{variant['VariantName']} has no model")


sagemaker.FakeEndpointConfig.validate_production_variants = validate_production_variants


_models_exist = sagemaker.SageMakerModelBackend.validate_production_variants


def validate_models(self: Any, production_variants: list[dict[str, Any]]) -> None:
    """Machines for components have no model of their own."""
    _models_exist(self, [variant for variant in production_variants if "ManagedInstanceScaling" not in variant])


sagemaker.SageMakerModelBackend.validate_production_variants = validate_models


def process_variants(self: Any, production_variants: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As moto does it, with weights of 0."""
    del self
    pairs = {
        "InitialInstanceCount": "InstanceCount",
        "InitialVariantWeight": "Weight",
        "ServerlessConfig": "ServerlessConfig",
    }
    return [
        {"VariantName": variant["VariantName"]}
        | {
            f"{when}{name}": variant[key]
            for key, name in pairs.items()
            if key in variant
            for when in ("Current", "Desired")
        }
        for variant in production_variants
    ]


sagemaker.FakeEndpoint._process_production_variants = process_variants


def create_then_delete(cls: Any) -> None:
    def update(
        klass: Any,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> Any:
        new = klass.create_from_cloudformation_json(new_resource_name, cloudformation_json, account_id, region_name)
        klass.delete_from_cloudformation_json(
            original_resource.physical_resource_id, cloudformation_json, account_id, region_name
        )
        return new

    cls.update_from_cloudformation_json = classmethod(update)


create_then_delete(sagemaker.Model)
create_then_delete(sagemaker.FakeEndpointConfig)

_create_endpoint = sagemaker.FakeEndpoint.create_from_cloudformation_json.__func__


def create_endpoint(
    klass: Any, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **more: Any
) -> Any:
    props = cloudformation_json["Properties"]
    name = props.get("EndpointName") or resource_name
    endpoint = _create_endpoint(klass, name, cloudformation_json, account_id, region_name, **more)
    endpoint.last_deployment_config = props.get("DeploymentConfig")
    return endpoint


def update_endpoint(
    klass: Any,
    original_resource: Any,
    new_resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
) -> Any:
    """In place, with what RetainAllVariantProperties keeps and ExcludeRetainedVariantProperties does not."""
    del klass, new_resource_name
    props = cloudformation_json["Properties"]
    check("CreateEndpoint", "EndpointName", props)
    config = sagemaker.sagemaker_backends[account_id][region_name].describe_endpoint_config(props["EndpointConfigName"])
    fresh = original_resource._process_production_variants(config["ProductionVariants"])
    if props.get("RetainAllVariantProperties"):
        excluded = {each["VariantPropertyType"] for each in props.get("ExcludeRetainedVariantProperties", [])}
        kept = [name for name in ("InstanceCount", "Weight") if f"Desired{name}" not in excluded]
        old = {each["VariantName"]: each for each in original_resource.production_variants}
        for variant in fresh:
            for key in (f"{when}{name}" for name in kept for when in ("Current", "Desired")):
                if key in old.get(variant["VariantName"], {}):
                    variant[key] = old[variant["VariantName"]][key]
    original_resource.production_variants = fresh
    original_resource.endpoint_config_name = props["EndpointConfigName"]
    original_resource.last_deployment_config = props.get("DeploymentConfig")
    original_resource.last_modified_time = sagemaker.utcnow()
    return original_resource


sagemaker.FakeEndpoint.create_from_cloudformation_json = classmethod(create_endpoint)
sagemaker.FakeEndpoint.update_from_cloudformation_json = classmethod(update_endpoint)
