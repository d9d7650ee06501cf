"""Parts of a REST API that moto's CloudFormation lacks, or makes only together with a stage."""

from __future__ import annotations

from typing import Any

from moto.apigateway import models as apigateway
from resource_types import Resource, client, register


class Deployment(Resource):
    """In place of moto's, which has no physical id; apps of the CDK declare the stage apart."""

    TYPE = "AWS::ApiGateway::Deployment"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        del name
        given = {"stageName": props["StageName"]} if "StageName" in props else {}
        made = client("apigateway", region).create_deployment(
            restApiId=props["RestApiId"], description=props.get("Description", ""), **given
        )
        return made["id"], {"DeploymentId": made["id"]}

    def drop(self) -> None:
        client("apigateway", self.region).delete_deployment(
            restApiId=self.props["RestApiId"], deploymentId=self.physical_resource_id
        )


class Stage(Resource):
    NAME, TYPE = "StageName", "AWS::ApiGateway::Stage"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        gateway = client("apigateway", region)
        api = props["RestApiId"]
        if name in {each["stageName"] for each in gateway.get_stages(restApiId=api)["item"]}:
            gateway.delete_stage(restApiId=api, stageName=name)
        gateway.create_stage(
            restApiId=api,
            stageName=name,
            deploymentId=props["DeploymentId"],
            variables=props.get("Variables", {}),
            tags={each["Key"]: each["Value"] for each in props.get("Tags", [])},
        )
        return name, {}

    def drop(self) -> None:
        client("apigateway", self.region).delete_stage(restApiId=self.props["RestApiId"], stageName=self.name)


class Account(Resource):
    """When it goes, the account stays as it is, as on AWS."""

    TYPE = "AWS::ApiGateway::Account"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        role = props.get("CloudWatchRoleArn")
        if role:
            change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
            client("apigateway", region).update_account(patchOperations=[change])
        return name, {"Id": name}


register(Deployment, Stage, Account)


def delete_api(self: Any, account_id: str, region_name: str) -> None:
    """Moto leaves it behind when its stack goes."""
    apigateway.apigateway_backends[account_id][region_name].delete_rest_api(self.id)


apigateway.RestAPI.delete = delete_api
