"""The parts of a REST API that moto serves and its CloudFormation has not."""

from __future__ import annotations

from typing import Any

from resource_types import Resource, client, register


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
    TYPE = "AWS::ApiGateway::Account"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        role = props.get("CloudWatchRoleArn")
        if role:
            change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
            client("apigateway", region).update_account(patchOperations=[change])
        return name, {"Id": name}

    def drop(self) -> None:
        """The account stays as it is, as on AWS."""


register(Stage, Account)
