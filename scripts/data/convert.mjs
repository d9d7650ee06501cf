// How a maintainer refreshes `data/hardware`: node scripts/data/convert.mjs COLLECTED HOSTING
//   COLLECTED  folder with gpus.csv, cpus.csv, instances.csv and prices_by_region.csv, as data/README.md describes them
//   HOSTING    cfn-lint's data/schemas/extensions/aws_sagemaker_hosting/instancetype_enum.json
// Nothing runs it at build or test. Afterwards: npm run data:check, and a look at the diff.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpuRows, gpuRows } from './devices.mjs';
import { machineRows } from './machines.mjs';
import { offers } from './prices.mjs';
import { readRows, writeNested, writeRows } from './table.mjs';

const [collected, hostingFile] = process.argv.slice(2);
if (!hostingFile) {
  console.error('usage: node scripts/data/convert.mjs COLLECTED HOSTING');
  process.exit(2);
}
const source = (name) => readRows(join(collected, name));
const target = (name) => join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'data', 'hardware', name);

writeRows(target('gpus.csv'), gpuRows(source('gpus.csv')));
writeRows(target('cpus.csv'), cpuRows(source('cpus.csv')));
const machines = machineRows(source('instances.csv'), JSON.parse(readFileSync(hostingFile, 'utf8')));
const rows = machines.map(({ collected: _row, regions: _regions, ...row }) => row);
writeRows(target('machines.csv'), rows);
writeNested(target('prices.json'), offers(machines, source('prices_by_region.csv')));
