/** A shell command that asks an endpoint once, signed by the AWS CLI: an output of the stack. */

import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { quoted, sampleRequest } from '../../lib/local/sample.js';
import type { EndpointPlan } from '../../lib/plan.js';

/** A body up to this size stands in the command itself, characters. */
const inline = 2000;

/** The body of a request that works, as the CLI's options take it; one too long to paste is left to a file. */
function bodyOf(plan: EndpointPlan): string {
  const text = JSON.stringify(sampleRequest(plan).body);
  return text.length <= inline ? quoted(text) : 'fileb://request.json';
}

const json = '--content-type application/json';

/** Asks at once; the answer goes to the terminal. */
export function requestCommand(
  scope: Construct,
  plan: EndpointPlan,
  endpoint: string,
  component?: string | undefined,
): string {
  const { region } = Stack.of(scope);
  return [
    `aws sagemaker-runtime invoke-endpoint --region ${region} --endpoint-name ${endpoint}`,
    ...(component ? [`--inference-component-name ${component}`] : []),
    `${json} --cli-binary-format raw-in-base64-out --body ${bodyOf(plan)} /dev/stdout`,
  ].join(' ');
}

/** Puts a request into the bucket and hands it to the queue; the answer's place is printed. */
export function asyncRequestCommand(scope: Construct, plan: EndpointPlan, endpoint: string, folder: string): string {
  const { region } = Stack.of(scope);
  const text = JSON.stringify(sampleRequest(plan).body);
  const source = text.length <= inline ? `printf %s ${quoted(text)}` : 'cat request.json';
  return [
    `${source} | aws s3 cp - ${folder}/request.json ${json} &&`,
    `aws sagemaker-runtime invoke-endpoint-async --region ${region} --endpoint-name ${endpoint} ${json}`,
    `--input-location ${folder}/request.json`,
  ].join(' ');
}
