// A container app. MODEL, MACHINE: another model, other hardware. LOCATION: another region. IMAGE: a ready one; its registry, as JSON, in
// REGISTRY. TRAFFIC, PROFILES: as JSON. SUFFIX: of the revision. NAME: of the app. THERE: what else is said, as JSON. IMPORT: id of an app
// that is taken over. TAG: of everything. WRONG=1: a description that is refused. COUNTED=1: nodes are
// counted that nobody has.
const { join } = require('node:path');
const { ContainerAppEndpoint, ContainerImage, Hardware, Model } = require(
  join(process.env.SLIPWAY_ROOT, 'dist', 'constructs', 'azure', 'index.js'),
);

require(join(process.env.SLIPWAY_ROOT, 'test', 'integration', 'pulumi', 'shims', 'registry-tokens.cjs'));

const { MODEL = 'digits', MACHINE = 'Consumption-2cpu-4gib', LOCATION = 'swedencentral' } = process.env;
const { IMAGE, REGISTRY, TRAFFIC, PROFILES, SUFFIX, NAME, TAG, WRONG, COUNTED, IMPORT, THERE = '{}' } = process.env;
const file = (end) => join(process.env.SLIPWAY_ROOT, 'examples', 'models', MODEL, end);

const counted = (args) => ({
  ...args,
  workloadProfiles: args.workloadProfiles.map((profile) => ({ ...profile, minimumCount: 0 })),
});

/** The app, and what checks its callers' tokens. */
const theirs = { ContainerApp: IMPORT, ContainerAppsAuthConfig: `${IMPORT}/authConfigs/current` };
const takenOver = ({ type, props, opts }) => {
  const id = IMPORT && theirs[type.split(':').at(-1)];
  return id ? { props, opts: { ...opts, import: id } } : undefined;
};

const endpoint = new ContainerAppEndpoint(
  'digits',
  {
    model: Model.fromOnnx(file(`${MODEL}.onnx`), { calibration: file('samples.npz') }),
    objective: { p99Ms: 100, requestsPerSecond: 5 },
    hardware: Hardware.of(MACHINE),
    location: LOCATION,
    ingress: 'all',
    authentication: { clientId: 'app-of-entra' },
    schedules: TRAFFIC
      ? []
      : [
          { at: '07:30', min: 2 },
          { at: '19:00', min: 1 },
        ],
    environment: { MODE: 'fast' },
    secrets: {
      TOKEN: {
        vaultId:
          '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shop/providers/Microsoft.KeyVault/vaults/shop',
        secret: 'token',
      },
    },
    ...(IMAGE && { image: ContainerImage.fromReference(IMAGE, REGISTRY && JSON.parse(REGISTRY)) }),
    ...(TRAFFIC && { traffic: JSON.parse(TRAFFIC) }),
    ...(PROFILES && { profiles: JSON.parse(PROFILES) }),
    ...(SUFFIX && { revisionSuffix: SUFFIX }),
    ...(NAME && { appName: NAME }),
    ...(TAG && { tags: { team: TAG } }),
    ...(COUNTED && { transform: { environment: counted } }),
    ...JSON.parse(THERE),
    ...(WRONG && { appName: 'My_App', scaling: { max: 2000 }, traffic: [{ percent: 90 }], ingress: 'open' }),
  },
  { transforms: [takenOver] },
);
exports.url = endpoint.url;
exports.revision = endpoint.revision;
exports.image = endpoint.image;
exports.monthlyUsd = endpoint.monthlyUsd;
exports.quota = endpoint.quota;
exports.request = endpoint.request;
