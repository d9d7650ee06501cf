// Every other way to serve, a stack each, with ready images. CHANGED=1: a second version of each. NETWORK: ids of a network
// that is there and of its subnets.
import { createRequire } from 'node:module';
import { cdk, model, readyImage, slipway, stackOf } from './app.mjs';

const require = createRequire(import.meta.url);
const ec2 = require('aws-cdk-lib/aws-ec2');
const iam = require('aws-cdk-lib/aws-iam');
const kms = require('aws-cdk-lib/aws-kms');
const s3 = require('aws-cdk-lib/aws-s3');
const secretsmanager = require('aws-cdk-lib/aws-secretsmanager');
const sns = require('aws-cdk-lib/aws-sns');
const { AsyncModelEndpoint, Hardware, ModelEndpoint, ServerlessModelEndpoint } = slipway;

const changed = process.env.CHANGED === '1';
const digits = model('digits');
const encoder = model('digits-encoder');
const objective = { p99Ms: 100, requestsPerSecond: 20 };

const kinds = {
  Accelerated: (stack) => {
    const accelerators = changed ? ['L4'] : ['T4', 'A10G'];
    const hardware = Hardware.auto({ accelerators });
    new ModelEndpoint(stack, 'Digits', { model: digits, objective, hardware, image: readyImage(stack) });
  },
  ToZero: (stack) => {
    new ModelEndpoint(stack, 'Digits', {
      model: changed ? encoder : digits,
      scaling: { toZero: true, max: changed ? 3 : 2 },
      hardware: Hardware.of('ml.g5.xlarge'),
      image: readyImage(stack),
    });
  },
  Asynchronous: (stack) => {
    const topic = new sns.Topic(stack, 'Topic');
    new AsyncModelEndpoint(stack, 'Digits', {
      model: digits,
      scaling: { max: changed ? 3 : 2 },
      ...{ image: readyImage(stack), successTopic: topic, errorTopic: topic, notify: [topic] },
    });
  },
  Serverless: (stack) => {
    new ServerlessModelEndpoint(stack, 'Digits', {
      model: digits,
      maxConcurrency: changed ? 30 : 20,
      image: readyImage(stack),
    });
  },
  // 90/10, and back again.
  Variants: (stack) => {
    const variants = [{ name: 'encoder', model: encoder, weight: 10, image: readyImage(stack, 'Next') }];
    new ModelEndpoint(stack, 'Digits', {
      ...{ model: digits, objective, image: readyImage(stack) },
      ...(changed ? {} : { weight: 90, variants }),
    });
  },
  Shadow: (stack) => {
    const shadow = { model: encoder, share: changed ? 1 : 0.5, image: readyImage(stack, 'Next') };
    new ModelEndpoint(stack, 'Digits', { model: digits, objective, shadow, image: readyImage(stack) });
  },
  // Once a day against one baseline, then every six hours against another.
  Monitored: (stack) => {
    const bucket = s3.Bucket.fromBucketName(stack, 'Baselines', 'baselines');
    const monitor = {
      baseline: { bucket, prefix: changed ? 'digits/2' : 'digits/1' },
      preprocessor: { bucket, key: 'digits/columns.py' },
      ...(changed && { everyHours: 6 }),
    };
    new ModelEndpoint(stack, 'Digits', { model: digits, image: readyImage(stack), dataCapture: { monitor } });
  },
  Existing: (stack) => {
    const [vpcId, ...subnets] = (process.env.NETWORK ?? 'vpc-1,subnet-1,subnet-2').split(',');
    const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
      vpcId,
      vpcCidrBlock: '10.0.0.0/16',
      availabilityZones: ['us-east-1a', 'us-east-1b'],
      privateSubnetIds: subnets,
    });
    const key = new kms.Key(stack, 'Key');
    const role = new iam.Role(stack, 'Role', { assumedBy: new iam.ServicePrincipal('sagemaker.amazonaws.com') });
    const topic = new sns.Topic(stack, 'Topic');
    new ModelEndpoint(stack, 'Digits', {
      ...{ model: digits, objective, image: readyImage(stack), vpc, role, encryptionKey: key, notify: [topic] },
      privateAccess: true,
      dataCapture: { percent: changed ? 50 : 10 },
      secrets: { TOKEN: new secretsmanager.Secret(stack, 'Token') },
      monitoring: { budget: { emails: ['ml@example.org'] } },
    });
  },
};

const app = new cdk.App();
for (const [name, make] of Object.entries(kinds)) make(stackOf(app, name));
app.synth();
