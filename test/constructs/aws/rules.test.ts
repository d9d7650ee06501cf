import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stack, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sagemaker from 'aws-cdk-lib/aws-sagemaker';
import { AwsSolutionsChecks, NIST80053R5Checks } from 'cdk-nag';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { EndpointRules, type EndpointRulesOptions } from '../../../constructs/aws/index.js';
import { everyEndpoint } from './every-endpoint.js';
import { newApp } from './stack.js';

afterEach(() => vi.restoreAllMocks());

/** Findings of the plugins that were added to an app, by rule and resource. */
function findings(app: ReturnType<typeof newApp>): string[] {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const exit = process.exitCode;
  try {
    app.synth();
  } catch {
    // What was found is in the report.
  }
  process.exitCode = exit;
  const report = JSON.parse(readFileSync(join(app.outdir, 'validation-report.json'), 'utf8')) as {
    pluginReports: {
      summary: { pluginName?: string };
      violations: { ruleName: string; violatingConstructs: { constructPath?: string; resourceLogicalId?: string }[] }[];
    }[];
  };
  return report.pluginReports
    .flatMap(({ violations }) => violations)
    .flatMap(({ ruleName, violatingConstructs }) =>
      violatingConstructs.map((each) => `${ruleName} ${each.constructPath ?? each.resourceLogicalId}`),
    )
    .sort();
}

describe.each(Object.entries(everyEndpoint))('%s', (_name, make) => {
  test('passes AwsSolutions, NIST 800-53 R5 and our own rules', () => {
    const app = newApp();
    make(app);
    Validations.of(app).addPlugins(
      new AwsSolutionsChecks(app),
      new NIST80053R5Checks(app),
      new EndpointRules({ minMachines: 1 }),
    );
    expect(findings(app)).toEqual([]);
  });
});

describe('the rules find in a stack of somebody else', () => {
  type Made = Partial<sagemaker.CfnEndpointConfigProps>;
  const variant = { variantName: 'a', modelName: 'm', instanceType: 'ml.m5.large', initialInstanceCount: 2 };
  const key = 'arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012';

  function found(make: (stack: Stack) => void, options: EndpointRulesOptions = {}) {
    const app = newApp();
    const stack = new Stack(app, 'Theirs', { env: { account: '123456789012', region: 'eu-west-1' } });
    make(stack);
    Validations.of(app).addPlugins(new EndpointRules(options));
    return findings(app).map((each) => each.split(' ')[0]);
  }
  const config = (props: Made) => (stack: Stack) => {
    new sagemaker.CfnEndpointConfig(stack, 'Config', { kmsKeyId: key, productionVariants: [variant], ...props });
  };

  test.each<[string, Made, string[]]>([
    ['nothing where all is well', {}, []],
    ['no key', { kmsKeyId: undefined }, ['slipway-disk-key']],
    [
      'a key for disks that take none',
      { productionVariants: [{ ...variant, instanceType: 'ml.g5.xlarge' }] },
      ['slipway-local-storage'],
    ],
    [
      'a volume size for disks that take none',
      { kmsKeyId: undefined, productionVariants: [{ ...variant, instanceType: 'ml.g5.xlarge', volumeSizeInGb: 50 }] },
      ['slipway-local-storage'],
    ],
    [
      'a type that the region does not host',
      { productionVariants: [{ ...variant, instanceType: 'ml.p5e.48xlarge' }] },
      ['slipway-local-storage', 'slipway-machine-type'],
    ],
    ['a single machine', { productionVariants: [{ ...variant, initialInstanceCount: 1 }] }, ['slipway-machine-count']],
    ['a fixed name', { endpointConfigName: 'mine' }, ['slipway-config-name']],
  ])('%s', (_what, props, rules) => {
    expect(found(config(props))).toEqual(rules);
  });

  test('no rollback', () => {
    expect(found((stack) => void new sagemaker.CfnEndpoint(stack, 'E', { endpointConfigName: 'c' }))).toEqual([
      'slipway-rollback',
    ]);
  });

  test('no network, where one is asked for', () => {
    const model = (stack: Stack) =>
      void new sagemaker.CfnModel(stack, 'M', { executionRoleArn: 'arn:aws:iam::123456789012:role/r' });
    expect(found(model)).toEqual([]);
    expect(found(model, { requireVpc: true })).toEqual(['slipway-network']);
  });

  test('a role that may do everything', () => {
    const role = (use: (role: iam.Role) => void) => (stack: Stack) =>
      use(new iam.Role(stack, 'Role', { assumedBy: new iam.ServicePrincipal('sagemaker.amazonaws.com') }));
    const full = iam.ManagedPolicy.fromAwsManagedPolicyName('AmazonSageMakerFullAccess');
    expect(found(role((made) => made.addManagedPolicy(full)))).toEqual(['slipway-role']);
    expect(
      found(role((made) => made.addToPolicy(new iam.PolicyStatement({ actions: ['sagemaker:*'], resources: ['*'] })))),
    ).toEqual(['slipway-role']);
    expect(
      found(role((made) => made.addToPolicy(new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: ['*'] })))),
    ).toEqual([]);
  });
});
