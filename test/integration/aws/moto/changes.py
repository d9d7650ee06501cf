"""Updates of stacks: what refers to a replaced resource is updated too, in order; change sets as the CDK uses them."""

from __future__ import annotations

from typing import Any

from moto.cloudformation import models as cloudformation
from moto.cloudformation import parsing
from moto.core.exceptions import ServiceException
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from schemas import RefusedError

# A change of these gives another physical name here.
REPLACED = ("AWS::SageMaker::",)


def mentioned(node: Any, names: set[str]) -> set[str]:
    """Resources that a part of a template refers to."""
    found: set[str] = set()
    if isinstance(node, list):
        for each in node:
            found |= mentioned(each, names)
    if not isinstance(node, dict):
        return found
    for key, value in node.items():
        if key == "Ref":
            found |= {value} & names
        elif key == "Fn::GetAtt":
            found |= {value[0] if isinstance(value, list) else str(value).split(".")[0]} & names
        elif key == "Fn::Sub":
            text = value[0] if isinstance(value, list) else value
            found |= {name for name in names if "${" + name + "}" in text or "${" + name + "." in text}
        found |= mentioned(value, names)
    return found


_diff = parsing.ResourceMap.build_resource_diff


def build_resource_diff(self: Any, other_template: dict[str, Any], parameters: dict[str, Any] | None = None) -> Any:
    result = _diff(self, other_template, parameters)
    new = other_template["Resources"]
    names = set(new)
    uses = {name: mentioned(resource.get("Properties", {}), names) for name, resource in new.items()}
    touched = set(result["Modify"])
    replaced = {name for name in touched if new[name]["Type"].startswith(REPLACED)}
    while more := {name for name in names - touched - set(result["Add"]) if uses[name] & replaced}:
        touched |= more
        replaced |= {name for name in more if new[name]["Type"].startswith(REPLACED)}
    ordered: list[str] = []

    def visit(name: str, seen: tuple[str, ...] = ()) -> None:
        if name in ordered or name in seen:
            return
        for used in sorted(uses[name]):
            visit(used, (*seen, name))
        ordered.append(name)

    for name in new:
        visit(name)
    result["Modify"] = [name for name in ordered if name in touched]
    return result


parsing.ResourceMap.build_resource_diff = build_resource_diff


# Stored, not enforced: moto knows no conditions, and "deny without TLS" would refuse every upload.
FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL


class ChangeSetNotFound(ServiceException):
    code = "ChangeSetNotFound"


def delete_change_set(self: Any, change_set_name: str) -> None:
    for key in [key for key, each in self.change_sets.items() if change_set_name in (key, each.change_set_name)]:
        del self.change_sets[key]


_describe_change_set = cloudformation.CloudFormationBackend.describe_change_set


def describe_change_set(self: Any, change_set_name: str) -> Any:
    if not any(change_set_name in (key, each.change_set_name) for key, each in self.change_sets.items()):
        raise ChangeSetNotFound(f"ChangeSet [{change_set_name}] does not exist")
    return _describe_change_set(self, change_set_name)


cloudformation.CloudFormationBackend.delete_change_set = delete_change_set
cloudformation.CloudFormationBackend.describe_change_set = describe_change_set

_execute_change_set = cloudformation.CloudFormationBackend.execute_change_set


def execute_change_set(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
    """A refused template ends in a rollback that the command line sees; outputs are those of the new one."""
    [change_set] = [each for key, each in self.change_sets.items() if change_set_name in (key, each.change_set_name)]
    stack = self.stacks[change_set.stack_id]
    before = stack.template
    try:
        _execute_change_set(self, change_set_name, stack_name)
    except RefusedError as refused:
        kind = "ROLLBACK_COMPLETE" if change_set.change_set_type == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"
        stack.template = before
        stack._add_stack_event(kind, resource_status_reason=refused.message)
        stack.status = kind
        return
    stack._parse_template()
    stack.output_map = stack._create_output_map()


cloudformation.CloudFormationBackend.execute_change_set = execute_change_set
