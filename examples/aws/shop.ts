// Somebody's existing app: an API whose Lambda function asks a model. One construct of it is Slipway's.
//
// To try it: `npm init -y && npm install slipway aws-cdk-lib constructs aws-cdk@2.1148.1 typescript @types/node` in a new folder, copy this
// file and the folder examples/models/digits there, then
// `npx tsc --module node20 --skipLibCheck shop.ts && npx cdk deploy --app "node shop.js"`.

import { App, CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { type ContainerImage, Model, ModelEndpoint } from 'slipway/aws';

/** Takes an image of 8 x 8 grey values, gives the digit on it. */
const handler = `
import json, os, boto3

runtime = boto3.client("sagemaker-runtime")

def handler(event, context):
    pixels = json.loads(event["body"])["pixels"]
    tensor = {"name": "image", "shape": [1, 1, 8, 8], "datatype": "FP32", "data": pixels}
    answer = runtime.invoke_endpoint(
        EndpointName=os.environ["ENDPOINT"],
        ContentType="application/json",
        Body=json.dumps({"inputs": [tensor]}),
    )
    scores = json.loads(answer["Body"].read())["outputs"][0]["data"]
    return {"statusCode": 200, "body": json.dumps({"digit": scores.index(max(scores))})}
`;

export interface ShopStackProps extends StackProps {
  /** @default - built by this deployment */
  readonly image?: ContainerImage;
}

export class ShopStack extends Stack {
  constructor(scope: Construct, id: string, { image, ...props }: ShopStackProps = {}) {
    super(scope, id, props);
    const onCall = new sns.Topic(this, 'OnCall', { enforceSSL: true });

    const digits = new ModelEndpoint(this, 'Digits', {
      model: Model.fromOnnx('examples/models/digits/digits.onnx', {
        calibration: 'examples/models/digits/samples.npz',
        labels: 'examples/models/digits/labels.npy',
      }),
      objective: { p99Ms: 50, requestsPerSecond: 50 },
      notify: [onCall],
      ...(image && { image }),
    });

    const reader = new lambda.Function(this, 'Reader', {
      runtime: lambda.Runtime.PYTHON_3_13,
      handler: 'index.handler',
      code: lambda.Code.fromInline(handler),
      timeout: Duration.seconds(10),
      environment: { ENDPOINT: digits.endpointName },
    });
    digits.grantInvoke(reader);

    const api = new apigateway.RestApi(this, 'Api', { deployOptions: { throttlingRateLimit: 50 } });
    // By way of the function, which knows pixels; and straight to the endpoint, which takes tensors.
    api.root.addResource('digit').addMethod('POST', new apigateway.LambdaIntegration(reader));
    api.root.addResource('tensors').addMethod('POST', new apigateway.SagemakerIntegration(digits), {
      authorizationType: apigateway.AuthorizationType.IAM,
    });
    new CfnOutput(this, 'Url', { value: api.urlForPath('/digit') });
  }
}

const app = new App();
const shop = new ShopStack(app, 'Shop', { env: { region: process.env.CDK_DEFAULT_REGION ?? 'us-east-1' } });
console.log(`${shop.stackName}: ${app.synth().getStackByName(shop.stackName).assets.length} assets`);
