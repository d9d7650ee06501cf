/** An endpoint that is made elsewhere. */

import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type IModelEndpoint, ModelEndpointBase } from './endpoint-base.js';

export type ImportedEndpoint = IModelEndpoint;

/** @param variantName - that metrics are read from */
export function importedEndpoint(scope: Construct, id: string, arn: string, variantName: string): ImportedEndpoint {
  class Import extends ModelEndpointBase {
    readonly endpointArn = arn;
    readonly endpointName = Stack.of(scope).splitArn(arn, ArnFormat.SLASH_RESOURCE_NAME).resourceName!;
    readonly variantName = variantName;
  }
  return new Import(scope, id, { environmentFromArn: arn });
}
