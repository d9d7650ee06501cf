"""Types that moto has no service for: kept as they are, their references checked; a route shows all resources."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from moto import server
from moto.cloudformation import models as cloudformation
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.sagemaker import models as sagemaker
from resource_types import ACCOUNT, Resource, client, register
from sagemaker import check


class CompositeAlarm(Resource):
    NAME, TYPE = "AlarmName", "AWS::CloudWatch::CompositeAlarm"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        known = {each["AlarmArn"] for each in client("cloudwatch", region).describe_alarms()["MetricAlarms"]}
        named = re.findall(r'ALARM\("?([^")]+)"?\)', props["AlarmRule"])
        missing = [each for each in named if each not in known and each not in {arn.split(":")[-1] for arn in known}]
        if missing or not named:
            raise ValidationError(message=f"{name}: its rule names no alarm, or one that is not there: {missing}")
        return name, {"Arn": f"arn:aws:cloudwatch:{region}:{ACCOUNT}:alarm:{name}"}


class InferenceComponent(Resource):
    NAME, TYPE = "InferenceComponentName", "AWS::SageMaker::InferenceComponent"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        backend = sagemaker.sagemaker_backends[ACCOUNT][region]
        endpoint = backend.describe_endpoint(props["EndpointName"])
        config = backend.describe_endpoint_config(endpoint["EndpointConfigName"])
        [variant] = [each for each in config["ProductionVariants"] if each["VariantName"] == props["VariantName"]]
        backend.describe_model(props["Specification"]["ModelName"])
        if variant.get("ModelName") or not getattr(
            backend.endpoint_configs[endpoint["EndpointConfigName"]], "execution_role_arn", None
        ):
            raise ValidationError(message=f"{name}: the endpoint has a model of its own, or no role for components")
        if props["RuntimeConfig"]["CopyCount"] < 1:
            raise ValidationError(message=f"{name}: a component is not made without a copy")
        arn = f"arn:aws:sagemaker:{region}:{ACCOUNT}:inference-component/{name.lower()}"
        return arn, {"InferenceComponentArn": arn}


class DataQualityJobDefinition(Resource):
    NAME, TYPE = "JobDefinitionName", "AWS::SageMaker::DataQualityJobDefinition"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        check("CreateDataQualityJobDefinition", cls.NAME, props)
        backend = sagemaker.sagemaker_backends[ACCOUNT][region]
        endpoint = backend.describe_endpoint(props["DataQualityJobInput"]["EndpointInput"]["EndpointName"])
        config = backend.describe_endpoint_config(endpoint["EndpointConfigName"])
        if not (config.get("DataCaptureConfig") or {}).get("EnableCapture"):
            raise ValidationError(message=f"{name}: the endpoint {endpoint['EndpointName']} captures no data")
        # Every definition without a name gets one of its own, a changed one too.
        named = {cls.NAME: f"CFN-Definition-{secrets.token_hex(6)}", **props}
        arn = client("sagemaker", region).create_data_quality_job_definition(**named)["JobDefinitionArn"]
        return arn, {"JobDefinitionArn": arn}

    def drop(self) -> None:
        name = self.physical_resource_id.split("/")[-1]
        client("sagemaker", self.region).delete_data_quality_job_definition(JobDefinitionName=name)


class MonitoringSchedule(Resource):
    NAME, TYPE = "MonitoringScheduleName", "AWS::SageMaker::MonitoringSchedule"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        check("CreateMonitoringSchedule", cls.NAME, props)
        config = props["MonitoringScheduleConfig"]
        expression = config["ScheduleConfig"]["ScheduleExpression"]
        if not re.fullmatch(r"cron\(0 (\*|([01]?\d|2[0-3])(/([1-9]|1\d|2[0-4]))?) \? \* \* \*\)", expression):
            raise ValidationError(message=f"{name}: Model Monitor has no timetable {expression}")
        definition = config["MonitoringJobDefinitionName"]
        client("sagemaker", region).describe_data_quality_job_definition(JobDefinitionName=definition)
        arn = f"arn:aws:sagemaker:{region}:{ACCOUNT}:monitoring-schedule/{name.lower()}"
        return arn, {"MonitoringScheduleArn": arn}


class ServiceLinkedRole(Resource):
    TYPE = "AWS::IAM::ServiceLinkedRole"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        del name, region
        return props["AWSServiceName"], {"RoleName": props["AWSServiceName"]}


class Metadata(Resource):
    TYPE = "AWS::CDK::Metadata"


register(CompositeAlarm, InferenceComponent, DataQualityJobDefinition, MonitoringSchedule, ServiceLinkedRole, Metadata)


def held() -> list[dict[str, Any]]:
    """Every resource of every stack that is there, its properties resolved."""
    found = []
    for backend in cloudformation.cloudformation_backends[ACCOUNT].values():
        for stack in backend.stacks.values():
            resources = stack.resource_map
            for logical_id, resource in resources._parsed_resources.items():
                declared = resources._resource_json_map.get(logical_id)
                if declared is None or not hasattr(resource, "physical_resource_id"):
                    continue
                found.append(
                    {
                        "stack": stack.name,
                        "logicalId": logical_id,
                        "type": declared["Type"],
                        "physicalId": str(resource.physical_resource_id),
                        "properties": parsing.clean_json(declared.get("Properties", {}), resources),
                    }
                )
    return found


def shown() -> tuple[str, int, dict[str, str]]:
    return json.dumps(held(), default=str), 200, {"Content-Type": "application/json"}


def serve_resources() -> None:
    """`GET /moto-api/slipway/resources`."""
    create = server.create_backend_app

    def with_route(service: str) -> Any:
        app = create(service)
        if service == "moto_api":
            app.add_url_rule("/moto-api/slipway/resources", "slipway_resources", shown)
        return app

    server.create_backend_app = with_route
