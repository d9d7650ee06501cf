// A managed online endpoint. MODEL, MACHINE: another model, other hardware. IMAGE: a ready one. NEXT: further deployments, as JSON, their
// image a ready one. NAME: of the endpoint. THERE: what is there already, as JSON. IMPORT: id of an endpoint
// that is taken over. TAG: of everything. WRONG=1: a description that is refused.
const { join } = require('node:path');
const { ContainerImage, Hardware, Model, ModelEndpoint } = require(
  join(process.env.SLIPWAY_ROOT, 'dist', 'constructs', 'azure', 'index.js'),
);

require(join(process.env.SLIPWAY_ROOT, 'test', 'integration', 'pulumi', 'shims', 'registry-tokens.cjs'));

const { MODEL = 'digits', MACHINE = 'Standard_F2s_v2', IMAGE, NEXT = '{}', NAME, TAG, WRONG } = process.env;
const { THERE = '{}', IMPORT } = process.env;
const file = (end) => join(process.env.SLIPWAY_ROOT, 'examples', 'models', MODEL, end);
const further = Object.entries(JSON.parse(NEXT)).map(([name, { image, machine, ...shares }]) => [
  name,
  {
    ...shares,
    ...(machine && { hardware: Hardware.of(machine) }),
    image: ContainerImage.fromReference(image),
  },
]);

const takenOver = ({ type, props, opts }) =>
  IMPORT && type.endsWith(':OnlineEndpoint') ? { props, opts: { ...opts, import: IMPORT } } : undefined;

const description = {
  model: Model.fromOnnx(file(`${MODEL}.onnx`), { calibration: file('samples.npz') }),
  objective: { p99Ms: 100, requestsPerSecond: 5 },
  hardware: Hardware.of(MACHINE),
  location: 'westeurope',
  invokers: [{ principalId: 'web' }],
  secrets: {
    TOKEN: {
      vaultId:
        '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/shop',
      secret: 'token',
    },
  },
  deployments: Object.fromEntries(further),
  ...(IMAGE && { image: ContainerImage.fromReference(IMAGE) }),
  ...(NAME && { endpointName: NAME }),
  ...(TAG && { tags: { team: TAG } }),
  ...(WRONG && { endpointName: 'My_Endpoint', scaling: { min: 60 }, deployments: { next: { percent: 101 } } }),
  ...JSON.parse(THERE),
};
const endpoint = new ModelEndpoint('digits', description, { transforms: [takenOver] });
exports.url = endpoint.url;
exports.image = endpoint.image;
exports.monthlyUsd = endpoint.monthlyUsd;
exports.quota = endpoint.quota;
exports.request = endpoint.request;
