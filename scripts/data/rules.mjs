// What must hold between the tables under `data/`, beyond single cells.
import { platformFields, platforms } from './schemas.mjs';

const region = /^[a-z]+(-[a-z]+)*-?[a-z]*\d*$/;

/** Prices: positive, of machines that exist, with a source that has a date. */
function priceProblems({ rows, json }) {
  const prices = json['hardware/prices.json'];
  const machines = rows['hardware/machines.csv'];
  const dated = new Set(rows['sources.csv'].filter((row) => row.date).map((row) => row.key));
  const has = (machine) => prices[machine.platform]?.[machine.name] !== undefined;
  const exists = new Set(machines.map((machine) => `${machine.platform} ${machine.name}`));
  const missing = machines
    .filter((machine) => !has(machine))
    .map(({ platform, name }) => `${platform} ${name}: no entry`);
  const entries = Object.entries(prices).flatMap(([platform, offers]) =>
    Object.entries(offers ?? {}).map(([name, offer]) => [`${platform} ${name}`, offer ?? {}]),
  );
  const wrong = entries.flatMap(([id, { kind, source, everyRegionListed, usdPerHour }]) => {
    const known = Object.entries(usdPerHour ?? {}).filter(([, usd]) => usd !== null);
    return [
      [!exists.has(id), 'is no machine of machines.csv'],
      [typeof everyRegionListed !== 'boolean', 'does not say whether every region is listed'],
      [everyRegionListed === true && Object.keys(usdPerHour ?? {}).length === 0, 'is offered nowhere'],
      [known.length > 0 && !kind, 'has prices of no kind'],
      [known.length > 0 && !dated.has(source), `has prices from '${source}', which has no date in sources.csv`],
      ...known.map(([where, usd]) => [
        !(usd > 0 && usd < 1000),
        `costs ${usd} in ${where}, which is not above 0 and below 1000`,
      ]),
      ...Object.keys(usdPerHour ?? {}).map((where) => [!region.test(where), `'${where}' is no name of a region`]),
    ]
      .filter(([holds]) => holds)
      .map(([, what]) => `${id}: ${what}`);
  });
  return [...missing, ...wrong].map((problem) => `hardware/prices.json, ${problem}`);
}

/** Machines: accelerator and count, architecture and processors, platform and architecture. */
function machineProblems({ rows, json }) {
  const sets = new Map(rows['hardware/cpus.csv'].map((row) => [row.id, row.instruction_set]));
  return rows['hardware/machines.csv'].flatMap((row) => {
    const processors = row.cpus.split(' ').filter(Boolean);
    const arm = row.architecture === 'arm64';
    const offered = json['platforms/platforms.json'][row.platform]?.architectures ?? [];
    return [
      [
        (row.accelerator === '') !== (Number(row.accelerator_count) === 0),
        'accelerator and accelerator_count do not fit',
      ],
      [processors.some((id) => (sets.get(id) === 'arm64') !== arm), `cpus are not all of ${row.architecture}`],
      [!offered.includes(row.architecture), `platforms.json has no ${row.architecture} for ${row.platform}`],
    ]
      .filter(([holds]) => holds)
      .map(([, what]) => `hardware/machines.csv, ${row.platform} ${row.name}: ${what}`);
  });
}

const gpuProblems = ({ rows }) =>
  rows['hardware/gpus.csv']
    .filter((row) => Number(row.usable_gib) > Number(row.memory_gib))
    .map((row) => `hardware/gpus.csv, ${row.id}: usable_gib is above memory_gib`);

const minorOf = (version) => Number(version.split('.')[1]);

/** Runtimes: every pair that is offered, none that is not, and versions that fit the driver and the accelerator. */
function runtimeProblems({ rows }) {
  const file = 'platforms/runtimes.csv';
  const gpus = new Map(rows['hardware/gpus.csv'].map((row) => [row.id, row]));
  const cuda = (id) => id === '' || Boolean(gpus.get(id)?.compute_capability);
  const offered = new Set([
    ...platforms.map((platform) => `${platform} `),
    ...rows['hardware/machines.csv']
      .filter((row) => cuda(row.accelerator))
      .map((row) => `${row.platform} ${row.accelerator}`),
  ]);
  const present = new Set(rows[file].map((row) => `${row.platform} ${row.accelerator}`));
  const missing = [...offered].filter((pair) => !present.has(pair)).map((pair) => `${file}: no row for ${pair.trim()}`);
  const wrong = rows[file].flatMap((row) => {
    const capability = Number(gpus.get(row.accelerator)?.compute_capability);
    const minor = minorOf(row.onnxruntime);
    return [
      [!offered.has(`${row.platform} ${row.accelerator}`), 'is no pair that machines.csv offers'],
      [(row.accelerator === '') !== (row.cuda === ''), 'cuda must stand on accelerators and nowhere else'],
      [row.cuda === '12' && minor > 26, `onnxruntime-gpu ${row.onnxruntime} is not built for CUDA 12`],
      [row.cuda === '13' && minor < 28, `onnxruntime-gpu ${row.onnxruntime} is not built for CUDA 13`],
      [
        row.cuda === '13' && row.driver !== '' && Number(row.driver) < 580,
        `CUDA 13 needs driver 580, not ${row.driver}`,
      ],
      [row.cuda === '13' && capability < 7.5, `CUDA 13 does not know compute capability ${capability}`],
      [row.verified === 'true' && row.accelerator !== '' && row.driver === '', 'verified, and no driver given'],
    ]
      .filter(([holds]) => holds)
      .map(([, what]) => `${file}, ${row.platform} ${row.accelerator}: ${what}`);
  });
  return [...missing, ...wrong];
}

const isSet = (value) =>
  value !== null &&
  value !== 0 &&
  value !== '' &&
  !(typeof value === 'object' && Object.values(value).every((one) => one === null));

function fieldProblem(value, { kind, nullable, least, sourced }, source) {
  if (value === null && nullable) return null;
  if (value === undefined || value === null) return 'is missing';
  if (typeof value !== kind) return `is no ${kind}`;
  if (least !== undefined && value < least) return `is below ${least}`;
  return sourced && isSet(value) && value !== false && !source ? 'has no entry in sources' : null;
}

/** Platforms: every one there, every field of its kind with its source, names that exist. */
function platformProblems({ rows, json }) {
  const file = 'platforms/platforms.json';
  const entries = json[file];
  const names = (platform) =>
    new Set(rows['hardware/machines.csv'].filter((row) => row.platform === platform).map((row) => row.name));
  const absent = platforms
    .filter((platform) => !entries[platform])
    .map((platform) => `${file}: ${platform} is missing`);
  const unknown = Object.keys(entries).filter((platform) => !platforms.includes(platform));
  const fields = Object.entries(entries).flatMap(([platform, entry]) => {
    const wrong = Object.entries(platformFields).map(([name, field]) => [
      name,
      fieldProblem(entry[name], field, entry.sources?.[name]),
    ]);
    const strange = Object.keys(entry).filter((name) => !(name in platformFields));
    const lists = [...(entry.alwaysOn ?? []), ...(entry.withoutReserve ?? [])].filter(
      (name) => !names(platform).has(name),
    );
    const priced = Object.values(json['hardware/prices.json'][platform] ?? {});
    const reference = entry.referenceRegion;
    return [
      ...wrong.filter(([, problem]) => problem !== null).map(([name, problem]) => `${name} ${problem}`),
      ...strange.map((name) => `${name} is no field of a platform`),
      ...lists.map((name) => `'${name}' is none of its machines`),
      ...(reference && !priced.some((offer) => offer?.usdPerHour?.[reference])
        ? [`no price in ${reference}, its reference region`]
        : []),
    ].map((problem) => `${file}, ${platform}: ${problem}`);
  });
  return [...absent, ...unknown.map((platform) => `${file}: ${platform} is no platform`), ...fields];
}

const tables = [
  'sources.csv',
  'hardware/gpus.csv',
  'hardware/cpus.csv',
  'hardware/machines.csv',
  'platforms/runtimes.csv',
];
const documents = ['hardware/prices.json', 'platforms/platforms.json'];

/** Problems between the tables that `checkFolder` read; none while one of them is missing or has other columns. */
export function ruleProblems(folder) {
  const complete = tables.every((file) => folder.rows[file]) && documents.every((file) => folder.json[file]);
  const rules = [priceProblems, machineProblems, gpuProblems, runtimeProblems, platformProblems];
  return complete ? rules.flatMap((rule) => rule(folder)) : [];
}
