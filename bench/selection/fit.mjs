// Fits data/hardware/efficiency.csv to all cases: node bench/selection/fit.mjs. What is reported is measured with constants that are fitted
// to one part of them and compared with the other (run.mjs).
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../../scripts/build.mjs';
import { root } from '../../scripts/python.mjs';

await build();
const { allCases } = await import('./cases.mjs');
const { efficiencyRows } = await import('./efficiency-rows.mjs');

const columns = {
  device: 'device',
  stack: 'stack',
  precision: 'precision',
  class: 'class',
  compute: 'compute',
  bandwidth: 'bandwidth',
  floorUs: 'floor_us',
  exponent: 'exponent',
  cached: 'cached',
  powerExponent: 'power_exponent',
  spread: 'spread',
  provenance: 'provenance',
  results: 'results',
};
const cell = (value) => (typeof value === 'number' ? String(Number(value.toPrecision(3))) : value);

const cases = allCases().filter(({ excluded }) => !excluded);
const rows = efficiencyRows(cases);
const lines = [Object.values(columns), ...rows.map((row) => Object.keys(columns).map((key) => cell(row[key])))];
writeFileSync(join(root, 'data', 'hardware', 'efficiency.csv'), `${lines.map((line) => line.join(',')).join('\n')}\n`);
process.stdout.write(`${rows.length} rows from ${cases.length} results\n`);
