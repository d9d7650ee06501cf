"""Types whose service moto has and whose CloudFormation it has not: made by calling the server's own API."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

from moto.applicationautoscaling import models as scaling_models
from moto.applicationautoscaling import responses as scaling_responses
from resource_types import Resource, client, register


def named(name: str, props: dict[str, Any], key: str) -> dict[str, Any]:
    return {**props, key: name}


class Alarm(Resource):
    NAME, TYPE = "AlarmName", "AWS::CloudWatch::Alarm"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        cloudwatch = client("cloudwatch", region)
        cloudwatch.put_metric_alarm(**named(name, props, cls.NAME))
        [alarm] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return name, {"Arn": alarm["AlarmArn"]}

    def drop(self) -> None:
        client("cloudwatch", self.region).delete_alarms(AlarmNames=[self.name])


_known = {each.name: each.value for each in scaling_models.ScalableDimensionValueSet}
_dimensions = Enum("ScalableDimensionValueSet", _known | {"COPIES": "sagemaker:inference-component:DesiredCopyCount"})
scaling_models.ScalableDimensionValueSet = _dimensions
scaling_responses.ScalableDimensionValueSet = _dimensions

TARGET = ("ResourceId", "ScalableDimension", "ServiceNamespace")


class ScalableTarget(Resource):
    TYPE = "AWS::ApplicationAutoScaling::ScalableTarget"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        del name
        scaling = client("application-autoscaling", region)
        given = {key: value for key, value in props.items() if key not in ("ScheduledActions", "Tags")}
        tags = {each["Key"]: each["Value"] for each in props.get("Tags", [])}
        scaling.register_scalable_target(**given, **({"Tags": tags} if tags else {}))
        for action in props.get("ScheduledActions", []):
            scaling.put_scheduled_action(**{key: props[key] for key in TARGET}, **action)
        ref = "|".join(props[key] for key in TARGET)
        return ref, {"Id": ref}

    def drop(self) -> None:
        scaling = client("application-autoscaling", self.region)
        target = {key: self.props[key] for key in TARGET}
        for action in self.props.get("ScheduledActions", []):
            scaling.delete_scheduled_action(ScheduledActionName=action["ScheduledActionName"], **target)
        scaling.deregister_scalable_target(**target)


class ScalingPolicy(Resource):
    NAME, TYPE = "PolicyName", "AWS::ApplicationAutoScaling::ScalingPolicy"

    @staticmethod
    def resolved(props: dict[str, Any]) -> dict[str, Any]:
        props = dict(props)
        target = props.pop("ScalingTargetId", None)
        if target:
            props |= dict(zip(TARGET, target.split("|"), strict=True))
        return props

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        made = client("application-autoscaling", region).put_scaling_policy(
            **named(name, cls.resolved(props), cls.NAME)
        )
        return made["PolicyARN"], {"Arn": made["PolicyARN"]}

    def drop(self) -> None:
        props = self.resolved(self.props)
        client("application-autoscaling", self.region).delete_scaling_policy(
            PolicyName=self.name, **{key: props[key] for key in TARGET}
        )


class BucketPolicy(Resource):
    TYPE = "AWS::S3::BucketPolicy"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        del name
        client("s3", region).put_bucket_policy(Bucket=props["Bucket"], Policy=json.dumps(props["PolicyDocument"]))
        return props["Bucket"], {}

    def drop(self) -> None:
        client("s3", self.region).delete_bucket_policy(Bucket=self.props["Bucket"])


class TopicPolicy(Resource):
    TYPE = "AWS::SNS::TopicPolicy"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        for arn in props["Topics"]:
            client("sns", region).set_topic_attributes(
                TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(props["PolicyDocument"])
            )
        return name, {"Id": name}

    def drop(self) -> None:
        """It goes with its topic."""


class Subscription(Resource):
    TYPE = "AWS::SNS::Subscription"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        del name
        made = client("sns", region).subscribe(
            ReturnSubscriptionArn=True,
            TopicArn=props["TopicArn"],
            Protocol=props["Protocol"],
            Endpoint=props["Endpoint"],
        )
        return made["SubscriptionArn"], {"Arn": made["SubscriptionArn"]}

    def drop(self) -> None:
        client("sns", self.region).unsubscribe(SubscriptionArn=self.physical_resource_id)


class Budget(Resource):
    TYPE = "AWS::Budgets::Budget"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        budgets = client("budgets", region)
        account = client("sts", region).get_caller_identity()["Account"]
        limit = props["Budget"]["BudgetLimit"]
        budget = {
            "BudgetName": props["Budget"].get("BudgetName", name),
            "BudgetType": props["Budget"]["BudgetType"],
            "TimeUnit": props["Budget"]["TimeUnit"],
            "BudgetLimit": {"Amount": str(limit["Amount"]), "Unit": limit["Unit"]},
            "CostFilters": props["Budget"].get("CostFilters", {}),
        }
        existing = {each["BudgetName"] for each in budgets.describe_budgets(AccountId=account).get("Budgets", [])}
        if budget["BudgetName"] in existing:
            budgets.delete_budget(AccountId=account, BudgetName=budget["BudgetName"])
        notifications = props.get("NotificationsWithSubscribers", [])
        budgets.create_budget(AccountId=account, Budget=budget, NotificationsWithSubscribers=notifications)
        return budget["BudgetName"], {"Id": budget["BudgetName"]}

    def drop(self) -> None:
        account = client("sts", self.region).get_caller_identity()["Account"]
        client("budgets", self.region).delete_budget(AccountId=account, BudgetName=self.physical_resource_id)


class VpcEndpoint(Resource):
    TYPE = "AWS::EC2::VPCEndpoint"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        del name
        given = {key: value for key, value in props.items() if key not in ("PolicyDocument", "Tags")}
        if "PolicyDocument" in props:
            given["PolicyDocument"] = json.dumps(props["PolicyDocument"])
        made = client("ec2", region).create_vpc_endpoint(**given)["VpcEndpoint"]
        return made["VpcEndpointId"], {"Id": made["VpcEndpointId"]}

    def drop(self) -> None:
        client("ec2", self.region).delete_vpc_endpoints(VpcEndpointIds=[self.physical_resource_id])


class Secret(Resource):
    NAME, TYPE = "Name", "AWS::SecretsManager::Secret"

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        secrets = client("secretsmanager", region)
        known = {each["Name"]: each["ARN"] for each in secrets.list_secrets()["SecretList"]}
        text = props.get("SecretString") or secrets.get_random_password()["RandomPassword"]
        arn = known.get(name) or secrets.create_secret(Name=name, SecretString=text)["ARN"]
        return arn, {"Id": arn}

    def drop(self) -> None:
        client("secretsmanager", self.region).delete_secret(
            SecretId=self.physical_resource_id, ForceDeleteWithoutRecovery=True
        )


register(Alarm, ScalableTarget, ScalingPolicy, BucketPolicy, TopicPolicy, Subscription, Budget, VpcEndpoint, Secret)
