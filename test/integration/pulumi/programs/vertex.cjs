// A Vertex AI endpoint. MODEL, MACHINE, IMAGE, COUNTS: another model, other hardware, a ready image, other bounds. NEXT: a second
// deployment. TIMES: a timetable. KEY, NETWORK: of the endpoint. IMPORT: the endpoint is there already. SECRET: a part of the image's name that nobody may see.
// WRONG=1: a description that is refused.
const { join } = require('node:path');
const pulumi = require('@pulumi/pulumi');
const { ContainerImage, Hardware, Model, VertexEndpoint } = require(
  join(process.env.SLIPWAY_ROOT, 'dist', 'constructs', 'gcp', 'index.js'),
);

const {
  MODEL = 'digits',
  MACHINE = 'n1-standard-2',
  IMAGE,
  COUNTS,
  NEXT,
  TIMES,
  KEY,
  NETWORK,
  IMPORT,
  SECRET,
  WRONG,
} = process.env;
const file = (end) => join(process.env.SLIPWAY_ROOT, 'examples', 'models', MODEL, end);
const ready = (reference) => ContainerImage.fromReference(SECRET ? pulumi.secret(reference) : reference);

const next = NEXT && JSON.parse(NEXT);
const endpoint = new VertexEndpoint(
  'digits',
  {
    model: Model.fromOnnx(file(`${MODEL}.onnx`), { calibration: file('samples.npz') }),
    objective: { p99Ms: 100, requestsPerSecond: 5 },
    hardware: Hardware.of(MACHINE),
    location: 'europe-west4',
    invokers: ['serviceAccount:web@shop.iam.gserviceaccount.com'],
    ...(IMAGE && { image: ready(IMAGE) }),
    ...(COUNTS && { scaling: JSON.parse(COUNTS) }),
    ...(TIMES && { schedules: JSON.parse(TIMES) }),
    ...(KEY && { encryptionKey: KEY }),
    ...(NETWORK && { network: NETWORK }),
    ...(next && { deployments: { next: { image: ready(next.image), percent: next.percent } } }),
    ...(WRONG && {
      endpointName: 'My_Endpoint',
      scaling: { min: 0, target: 5 },
      deployments: { next: { percent: 101 } },
    }),
  },
  {
    ...(IMPORT && {
      transformations: [
        ({ type, props, opts }) =>
          type === 'gcp:vertex/aiEndpoint:AiEndpoint' ? { props, opts: { ...opts, import: IMPORT } } : undefined,
      ],
    }),
  },
);
exports.url = endpoint.url;
exports.predictUrl = endpoint.predictUrl;
exports.image = endpoint.image;
exports.monthlyUsd = endpoint.monthlyUsd;
exports.request = endpoint.request;
