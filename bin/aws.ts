/** The CDK app that cdk.json runs. This version has no AWS constructs yet, and says so instead of synthesizing an empty stack. */

process.stderr.write(
  'The AWS constructs are not part of this version of Slipway. What it does: slipway up MODEL, on this machine (see README.md).\n',
);
process.exitCode = 1;
