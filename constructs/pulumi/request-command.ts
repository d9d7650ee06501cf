/** A shell command that asks an endpoint once, with the caller's own token: an output of a component. */

import * as pulumi from '@pulumi/pulumi';
import { quoted, sampleRequest } from '../../lib/local/sample.js';
import type { EndpointPlan } from '../../lib/plan.js';

/** A body up to this size stands in the command itself, characters. */
const inline = 4000;

/**
 * curl with the body of a request that works; a body too long to paste is left to a file.
 *
 * @param token - a command that prints the caller's token; null where nobody is asked for one
 * @param headers - further ones, such as `azureml-model-deployment: next`
 */
export function requestCommand(
  plan: EndpointPlan,
  url: pulumi.Input<string>,
  token: string | null,
  headers: readonly string[] = [],
): pulumi.Output<string> {
  const text = JSON.stringify(sampleRequest(plan).body);
  const options = [
    ...(token === null ? [] : [`-H "Authorization: Bearer $(${token})"`]),
    ...[...headers, 'Content-Type: application/json'].map((header) => `-H ${quoted(header)}`),
    text.length <= inline ? `-d ${quoted(text)}` : '--data-binary @request.json',
  ];
  return pulumi.interpolate`curl -s ${url} ${options.join(' ')}`;
}
