// An endpoint on Cloud Run with a budget and a timetable. MOST: its usual upper bound.
const { join } = require('node:path');
const { ContainerImage, Model, ModelEndpoint } = require(
  join(process.env.SLIPWAY_ROOT, 'dist', 'constructs', 'gcp', 'index.js'),
);

const file = (end) => join(process.env.SLIPWAY_ROOT, 'examples', 'models', 'digits', end);

const endpoint = new ModelEndpoint('digits', {
  model: Model.fromOnnx(file('digits.onnx'), { calibration: file('samples.npz') }),
  location: 'europe-west4',
  image: ContainerImage.fromReference(`europe-west4-docker.pkg.dev/shop/images/digits@sha256:${'0'.repeat(64)}`),
  scaling: { min: 1, max: Number(process.env.MOST ?? 4) },
  schedules: [
    { at: '07:30', days: ['Monday', 'Friday'], timeZone: 'Europe/Amsterdam', min: 3, max: 8 },
    { at: '19:00', min: 1 },
  ],
  billingAccount: '012345-567890-ABCDEF',
  monitoring: { budget: { emails: ['ml@example.org'] } },
});
const theirs = ModelEndpoint.get('theirs', { serviceName: 'fraud', location: 'europe-west4', project: 'shop' });
theirs.grantInvoke('web', 'serviceAccount:web@shop.iam.gserviceaccount.com');

exports.url = endpoint.url;
exports.theirs = theirs.url;
