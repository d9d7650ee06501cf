/** Stacks with endpoints for the example model, and readers of their templates. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import type { Construct } from 'constructs';
import { afterAll, expect } from 'vitest';
import {
  AsyncModelEndpoint,
  type AsyncModelEndpointProps,
  ContainerImage,
  Model,
  ModelEndpoint,
  type ModelEndpointProps,
  ServerlessModelEndpoint,
  type ServerlessModelEndpointProps,
} from '../../../constructs/aws/index.js';
import { packageFile } from '../../../lib/package-root.js';

export const example = (name: string) => packageFile('examples', 'models', 'digits', name);
export const digits = Model.fromOnnx(example('digits.onnx'), { calibration: example('samples.npz') });
export const objective = { p99Ms: 50, requestsPerSecond: 200 };

const assemblies = mkdtempSync(join(tmpdir(), 'slipway-assemblies-'));
afterAll(() => rmSync(assemblies, { recursive: true, force: true }));

/** An app whose assembly goes with the test. */
export const newApp = () => new App({ outdir: mkdtempSync(join(assemblies, 'cdk.out-')) });

export const stackIn = (region = 'eu-west-1') =>
  new Stack(newApp(), 'Shop', { env: { account: '123456789012', region } });

/** An image that is there, so that nothing is laid out. */
export const readyImage = (scope: Construct, id = 'Images') =>
  ContainerImage.fromEcrRepository(ecr.Repository.fromRepositoryName(scope, id, 'digits'), 'v1');

type Given<P> = Partial<P> | ((stack: Stack) => Partial<P>);

const maker =
  <P, E>(Endpoint: new (scope: Construct, id: string, props: P) => E, defaults: object) =>
  (props: Given<P> = {}, stack = stackIn()) => {
    const given = typeof props === 'function' ? props(stack) : props;
    const endpoint = new Endpoint(stack, 'Digits', {
      ...{ model: digits, image: readyImage(stack), ...defaults },
      ...given,
    } as P);
    return { stack, endpoint, template: Template.fromStack(stack) };
  };

/** A stack with one real-time endpoint. */
export const stacked = maker<ModelEndpointProps, ModelEndpoint>(ModelEndpoint, { objective });
export const stackedAsync = maker<AsyncModelEndpointProps, AsyncModelEndpoint>(AsyncModelEndpoint, {});
export const stackedServerless = maker<ServerlessModelEndpointProps, ServerlessModelEndpoint>(
  ServerlessModelEndpoint,
  {},
);

/** Properties of the only resource of a type. */
export function only<T>(template: Template, type: string): T {
  const found = Object.values(template.findResources(type));
  expect(found).toHaveLength(1);
  return found[0]!.Properties as T;
}

/** Values of outputs whose names end so. */
export function output(template: Template, name: string): unknown {
  const found = Object.entries(template.findOutputs('*')).filter(([id]) =>
    new RegExp(`^Digits${name}[0-9A-F]{8}$`).test(id),
  );
  expect(found).toHaveLength(1);
  return (found[0]![1] as { Value: unknown }).Value;
}
