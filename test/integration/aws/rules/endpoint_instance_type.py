"""A rule for cfn-lint: machine types of endpoints against its list for each region, which it applies elsewhere only."""

from __future__ import annotations

import cfnlint.data.schemas.extensions.aws_sagemaker_hosting as hosting
from cfnlint.rules.jsonschema.CfnLintJsonSchema import SchemaDetails
from cfnlint.rules.jsonschema.CfnLintJsonSchemaRegional import CfnLintJsonSchemaRegional

VARIANTS = [
    f"Resources/AWS::SageMaker::EndpointConfig/Properties/{group}/*"
    for group in ("ProductionVariants", "ShadowProductionVariants")
]


class EndpointInstanceType(CfnLintJsonSchemaRegional):
    id = "E9642"
    shortdesc = "The region hosts endpoints on the machine type"
    description = "Machine types of variants, single and in pools, against the hosting types of the region"
    source_url = "https://github.com/aws-cloudformation/cfn-lint"
    tags = ("resources", "sagemaker")

    def __init__(self) -> None:
        super().__init__(
            keywords=[
                f"{each}/{place}" for each in VARIANTS for place in ("InstanceType", "InstancePools/*/InstanceType")
            ],
            schema_details=SchemaDetails(module=hosting, filename="instancetype_enum.json"),
        )
