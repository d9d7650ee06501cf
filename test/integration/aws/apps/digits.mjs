// One endpoint. MACHINE, MACHINES: other hardware. MODEL: another model in the same place. OVERRIDE: a type past every check.
import { cdk, image, model, slipway, stackOf } from './app.mjs';

const { MACHINE = 'ml.c6i.large', MACHINES = '2', MODEL = 'digits', OVERRIDE } = process.env;
const app = new cdk.App();
const stack = stackOf(app, 'Shop');
const endpoint = new slipway.ModelEndpoint(stack, 'Digits', {
  model: model(MODEL),
  objective: { p99Ms: 50, requestsPerSecond: 20 },
  hardware: slipway.Hardware.of(MACHINE),
  scaling: { min: Number(MACHINES), max: 6 },
  image: image(),
});
if (OVERRIDE) endpoint.resources.config.addPropertyOverride('ProductionVariants.0.InstanceType', OVERRIDE);
app.synth();
