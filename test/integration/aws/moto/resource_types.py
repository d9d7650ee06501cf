"""How moto learns of another resource type: a class beside CloudFormationModel that makes, changes and removes one."""

from __future__ import annotations

import os
import sys
from typing import Any

import boto3
from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel

ACCOUNT = "123456789012"


def client(service: str, region: str) -> Any:
    """The server's own API, so that botocore checks parameters and the describe calls show what was made."""
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=f"http://127.0.0.1:{os.environ['MOTO_PORT']}",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


class Resource:
    """Kept as it is. Subclasses give TYPE, NAME (the property that names it, if one does), and where more is to be done
    `put` and `drop`."""

    TYPE = ""
    NAME = ""

    def __init__(self, name: str, props: dict[str, Any], region: str, made: tuple[str, dict[str, str]]):
        self.name, self.props, self.region = name, props, region
        self.physical_resource_id, self.attributes = made

    @classmethod
    def cloudformation_name_type(cls) -> str:
        return cls.NAME

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.TYPE

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:  # noqa: ARG003
        return True

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return self.attributes[attribute_name]

    def is_created(self) -> bool:
        return True

    @classmethod
    def put(cls, name: str, props: dict[str, Any], region: str) -> tuple[str, dict[str, str]]:
        """Makes or changes it: what Ref gives, and what GetAtt gives by attribute."""
        del props, region
        return name, {}

    def drop(self) -> None:
        """Removes what `put` made; nothing where nothing else knows of it."""

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> Resource:
        del account_id
        props = cloudformation_json.get("Properties", {})
        return cls(resource_name, props, region_name, cls.put(resource_name, props, region_name))

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Resource,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> Resource:
        props = cloudformation_json.get("Properties", {})
        name = props.get(cls.NAME) or original_resource.name or new_resource_name
        made = cls.put(name, props, region_name)
        if made[0] != original_resource.physical_resource_id:
            original_resource.delete(account_id, region_name)
        return cls(name, props, region_name, made)

    def delete(self, account_id: str, region_name: str) -> None:
        del account_id, region_name
        try:
            self.drop()
        except Exception as error:
            # It may be gone with what it belonged to.
            print(f"deleting {self.TYPE} {self.physical_resource_id}: {error}", file=sys.stderr)


def register(*classes: type[Resource]) -> None:
    """moto lists direct subclasses of CloudFormationModel."""
    for base in classes:
        globals()[f"_{base.__name__}"] = type(base.__name__, (base, CloudFormationModel), {})
    for cache in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cache.cache_clear()
