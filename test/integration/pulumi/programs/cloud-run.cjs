// An endpoint on Cloud Run. MODEL, MACHINE: another model, other hardware. IMAGE: a ready one. WRONG=1: a description that is
// refused. NAME: of the service. ACCOUNT: that it runs as, without secrets. IMPORT: id of a service that is taken over. ODD: inputs of the
// service that are put in the place of its own. The stack's secret `pip` is one of the build.
const { join } = require('node:path');
const pulumi = require('@pulumi/pulumi');
const { ContainerImage, Hardware, Model, ModelEndpoint } = require(
  join(process.env.SLIPWAY_ROOT, 'dist', 'constructs', 'gcp', 'index.js'),
);

const { MODEL = 'digits', MACHINE = '2cpu-2gib', IMAGE, WRONG, TRAFFIC, NAME, IMPORT, ACCOUNT, ODD } = process.env;
const file = (end) => join(process.env.SLIPWAY_ROOT, 'examples', 'models', MODEL, end);

const pip = new pulumi.Config().getSecret('pip');

const changed = ({ type, props, opts }) =>
  type.endsWith('/service:Service')
    ? { props: { ...props, ...JSON.parse(ODD ?? '{}') }, opts: { ...opts, ...(IMPORT && { import: IMPORT }) } }
    : undefined;

const description = {
  model: Model.fromOnnx(file(`${MODEL}.onnx`), { calibration: file('samples.npz') }),
  objective: { p99Ms: 100, requestsPerSecond: 5 },
  hardware: Hardware.of(MACHINE),
  location: 'europe-west4',
  invokers: ['serviceAccount:web@shop.iam.gserviceaccount.com'],
  secrets: { TOKEN: { secret: 'shop-token' } },
  ...(IMAGE && { image: ContainerImage.fromReference(IMAGE) }),
  ...(pip && { image: ContainerImage.fromPlan({ buildSecrets: { pip } }) }),
  ...(NAME && { serviceName: NAME }),
  ...(ACCOUNT && { serviceAccount: ACCOUNT, secrets: {} }),
  ...(TRAFFIC && { traffic: JSON.parse(TRAFFIC) }),
  ...(WRONG && { serviceName: 'My_Service', traffic: [{ percent: 50 }] }),
};
const endpoint = new ModelEndpoint('digits', description, { transforms: [changed] });
exports.url = endpoint.url;
exports.image = endpoint.image;
exports.monthlyUsd = endpoint.monthlyUsd;
exports.request = endpoint.request;
