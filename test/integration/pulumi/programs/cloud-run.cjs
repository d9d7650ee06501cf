// An endpoint on Cloud Run. MODEL, MACHINE: another model, other hardware. IMAGE: a ready one. WRONG=1: a description that is refused.
const { join } = require('node:path');
const { ContainerImage, Hardware, Model, ModelEndpoint } = require(
  join(process.env.SLIPWAY_ROOT, 'dist', 'constructs', 'gcp', 'index.js'),
);

const { MODEL = 'digits', MACHINE = '2cpu-2gib', IMAGE, WRONG, TRAFFIC } = process.env;
const file = (end) => join(process.env.SLIPWAY_ROOT, 'examples', 'models', MODEL, end);

const endpoint = new ModelEndpoint('digits', {
  model: Model.fromOnnx(file(`${MODEL}.onnx`), { calibration: file('samples.npz') }),
  objective: { p99Ms: 100, requestsPerSecond: 5 },
  hardware: Hardware.of(MACHINE),
  location: 'europe-west4',
  invokers: ['serviceAccount:web@shop.iam.gserviceaccount.com'],
  secrets: { TOKEN: { secret: 'shop-token' } },
  ...(IMAGE && { image: ContainerImage.fromReference(IMAGE) }),
  ...(TRAFFIC && { traffic: JSON.parse(TRAFFIC) }),
  ...(WRONG && { serviceName: 'My_Service', traffic: [{ percent: 50 }] }),
});
exports.url = endpoint.url;
exports.image = endpoint.image;
exports.monthlyUsd = endpoint.monthlyUsd;
exports.request = endpoint.request;
