/** One stack for each way to serve, with everything on that it can have: what linters look at. */

import type { App } from 'aws-cdk-lib';
import { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import { AsyncModelEndpoint, Hardware, ModelEndpoint, ServerlessModelEndpoint } from '../../../constructs/aws/index.js';
import { digits, objective, readyImage } from './stack.js';

const env = { account: '123456789012', region: 'eu-west-1' };

/** A topic as linters want it. */
function topicIn(stack: Stack): sns.Topic {
  const key = new kms.Key(stack, 'TopicKey', { enableKeyRotation: true });
  return new sns.Topic(stack, 'Topic', { enforceSSL: true, masterKey: key });
}

/** Makes the stacks; their names by what they show. */
export const everyEndpoint: Readonly<Record<string, (app: App) => Stack>> = {
  RealTime: (app) => {
    const stack = new Stack(app, 'RealTime', { env });
    const bucket = s3.Bucket.fromBucketName(stack, 'Baselines', 'baselines');
    new ModelEndpoint(stack, 'Digits', {
      ...{ model: digits, objective, image: readyImage(stack), notify: [topicIn(stack)] },
      dataCapture: {
        percent: 10,
        monitor: { baseline: { bucket, prefix: 'digits/3' }, preprocessor: { bucket, key: 'digits/columns.py' } },
      },
      secrets: { TOKEN: secretsmanager.Secret.fromSecretNameV2(stack, 'Token', 'shop/token') },
      metrics: { detailed: true },
      monitoring: { budget: {} },
    });
    return stack;
  },
  Accelerated: (app) => {
    const stack = new Stack(app, 'Accelerated', { env });
    const hardware = Hardware.auto({ accelerators: ['T4', 'A10G', 'L4'] });
    new ModelEndpoint(stack, 'Digits', { model: digits, objective, hardware, image: readyImage(stack) });
    return stack;
  },
  Private: (app) => {
    const stack = new Stack(app, 'Private', { env });
    const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId: 'vpc-0123456789abcdef0',
      vpcCidrBlock: '10.0.0.0/16',
      availabilityZones: ['eu-west-1a', 'eu-west-1b'],
      privateSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
    });
    new ModelEndpoint(stack, 'Digits', {
      model: digits,
      objective,
      vpc,
      privateAccess: true,
      image: readyImage(stack),
    });
    return stack;
  },
  Variants: (app) => {
    const stack = new Stack(app, 'Variants', { env });
    const image = readyImage(stack);
    const variants = [{ name: 'next', model: digits, weight: 0.1, image }];
    new ModelEndpoint(stack, 'Digits', { model: digits, objective, image, variants });
    return stack;
  },
  Shadow: (app) => {
    const stack = new Stack(app, 'Shadow', { env });
    const image = readyImage(stack);
    new ModelEndpoint(stack, 'Digits', { model: digits, objective, image, shadow: { model: digits, image } });
    return stack;
  },
  ToZero: (app) => {
    const stack = new Stack(app, 'ToZero', { env });
    new ModelEndpoint(stack, 'Digits', { model: digits, scaling: { toZero: true }, image: readyImage(stack) });
    return stack;
  },
  Asynchronous: (app) => {
    const stack = new Stack(app, 'Asynchronous', { env });
    const topic = topicIn(stack);
    new AsyncModelEndpoint(stack, 'Digits', {
      ...{ model: digits, image: readyImage(stack), successTopic: topic, errorTopic: topic, notify: [topic] },
    });
    return stack;
  },
  Serverless: (app) => {
    const stack = new Stack(app, 'Serverless', { env });
    new ServerlessModelEndpoint(stack, 'Digits', { model: digits, image: readyImage(stack) });
    return stack;
  },
};
