// What must hold between the tables under `data/`, beyond single cells.

import { regions } from './regions.mjs';
import { defaultRows, platformFields, platforms } from './schemas.mjs';
import { grouped, six } from './table.mjs';

/** `2026-07-20` or `2026-07`, a year later; dates of either kind compare as texts. */
const yearLater = (date) => `${Number(date.slice(0, 4)) + 1}${date.slice(4)}`;

/** Sources: no date more than a year after the one before it, from the middle one on. The clock of the machine is not asked. */
function sourceProblems({ rows }) {
  const dated = rows['sources.csv'].filter((row) => row.date).toSorted((a, b) => (a.date < b.date ? -1 : 1));
  const later = dated.slice(Math.floor((dated.length - 1) / 2));
  const jump = later.findIndex((row, at) => at > 0 && row.date > yearLater(later[at - 1].date));
  if (jump < 0) return [];
  const before = later[jump - 1].date;
  return later
    .slice(jump)
    .map(
      ({ key, date }) => `sources.csv, ${key}: ${date} is more than a year after ${before}, the newest of the others`,
    );
}

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
    const places = regions[id.split('-')[0]] ?? new Set();
    return [
      [!exists.has(id), 'is no machine of machines.csv'],
      [typeof everyRegionListed !== 'boolean', 'does not say whether every region is listed'],
      [everyRegionListed === true && Object.keys(usdPerHour ?? {}).length === 0, 'is offered nowhere'],
      [known.length > 0 && !kind, 'has prices of no kind'],
      [known.length > 0 && !dated.has(source), `has prices from '${source}', which has no date in sources.csv`],
      ...known.map(([where, usd]) => [
        !(typeof usd === 'number' && usd > 0 && usd < 1000),
        `costs ${JSON.stringify(usd)} in ${where}, which is no number above 0 and below 1000`,
      ]),
      ...Object.keys(usdPerHour ?? {}).map((where) => [
        !places.has(where),
        `'${where}' is no region in scripts/data/regions.mjs`,
      ]),
    ]
      .filter(([holds]) => holds)
      .map(([, what]) => `${id}: ${what}`);
  });
  return [...missing, ...wrong].map((problem) => `hardware/prices.json, ${problem}`);
}

/** Whether it is a count of accelerators: whole, or one part of so many, written with six digits. */
function isCount(count) {
  const value = Number(count);
  return value >= 1 || value === 0 ? Number.isInteger(value) : count === six(1 / Math.round(1 / value));
}

/** Machines: accelerator and count, architecture and processors, platform and architecture. */
function machineProblems({ rows, json }) {
  const memory = new Map(rows['hardware/gpus.csv'].map((row) => [row.id, Number(row.memory_gib)]));
  const sets = new Map(rows['hardware/cpus.csv'].map((row) => [row.id, row.instruction_set]));
  return rows['hardware/machines.csv'].flatMap((row) => {
    const processors = row.cpus.split(' ').filter(Boolean);
    const arm = row.architecture === 'arm64';
    const offered = json['platforms/platforms.json'][row.platform]?.architectures ?? [];
    const count = row.accelerator_count;
    // Vendors cut an accelerator's memory into whole GiB.
    const part = Number(count) < 1 ? (memory.get(row.accelerator) ?? 0) / Math.round(1 / Number(count)) : 0;
    return [
      [!isCount(count), `accelerator_count ${count} is neither whole nor one part of so many with six digits`],
      [
        !Number.isInteger(part),
        `accelerator_count ${count} is ${six(part)} GiB of ${row.accelerator}, which is not whole`,
      ],
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

/** Accelerators: memory, and names that mean one of them in any case. */
function gpuProblems({ rows }) {
  const file = 'hardware/gpus.csv';
  const above = rows[file]
    .filter((row) => Number(row.usable_gib) > Number(row.memory_gib))
    .map((row) => `${file}, ${row.id}: usable_gib is above memory_gib`);
  const names = rows[file].flatMap((row) =>
    [...new Set([row.id, row.name].map((name) => name.toLowerCase()))].map((name) => ({ name, id: row.id })),
  );
  const shared = [...grouped(names, ({ name }) => name)].filter(([, rows]) => rows.length > 1);
  return [
    ...above,
    ...shared.map(([name, rows]) => `${file}: ${rows.map(({ id }) => id).join(' and ')} are all called '${name}'`),
  ];
}

/** Efficiency: a row for all devices wherever an estimate may ask for one. */
function efficiencyProblems({ rows }) {
  const file = 'hardware/efficiency.csv';
  const present = new Set(
    rows[file].filter((row) => row.device === '*').map((row) => `${row.stack},${row.precision},${row.class}`),
  );
  return defaultRows
    .filter(([stack, precision, kind]) => !['*', precision].some((one) => present.has(`${stack},${one},${kind}`)))
    .map(([stack, precision, kind]) => `${file}: no row for *,${stack},${precision},${kind}, nor for every precision`);
}

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
  const written = Object.entries(entries).filter(([, entry]) => entry);
  const fields = written.flatMap(([platform, entry]) => {
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
  'hardware/efficiency.csv',
  'platforms/runtimes.csv',
];
const documents = ['hardware/prices.json', 'platforms/platforms.json'];

/** Problems between the tables that `checkFolder` read; none while one of them is missing or has other columns. */
export function ruleProblems(folder) {
  const complete = tables.every((file) => folder.rows[file]) && documents.every((file) => folder.json[file]);
  const rules = [
    sourceProblems,
    priceProblems,
    machineProblems,
    gpuProblems,
    efficiencyProblems,
    runtimeProblems,
    platformProblems,
  ];
  return complete ? rules.flatMap((rule) => rule(folder)) : [];
}
