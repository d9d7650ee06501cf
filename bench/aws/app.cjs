// A stack as many have one, with MODEL an endpoint in it, too, with RESOURCES what a template has.
const { App, Stack } = require('aws-cdk-lib');
const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');
const lambda = require('aws-cdk-lib/aws-lambda');
const s3 = require('aws-cdk-lib/aws-s3');
const sns = require('aws-cdk-lib/aws-sns');

const app = new App({ outdir: process.env.OUT });
const stack = new Stack(app, 'Shop', { env: { account: '123456789012', region: 'eu-west-1' } });
new s3.Bucket(stack, 'Bucket');
new sns.Topic(stack, 'Topic');
const handler = new lambda.Function(stack, 'Handler', {
  runtime: lambda.Runtime.PYTHON_3_13,
  handler: 'index.handler',
  code: lambda.Code.fromInline('def handler(event, context): pass'),
});
if (process.env.MODEL) {
  const { Model, ModelEndpoint } = require('../../dist/constructs/aws/index.js');
  const endpoint = new ModelEndpoint(stack, 'Model', { model: Model.fromOnnx(process.env.MODEL) });
  endpoint.grantInvoke(handler);
}
// The endpoint's resources without the endpoint: what the CDK itself takes for them.
if (process.env.RESOURCES) new CfnInclude(stack, 'Model', { templateFile: process.env.RESOURCES });
app.synth();
