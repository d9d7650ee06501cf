// `npm run data:check [FOLDER]`: every table under `data/`, or another folder like it; every problem at once, exit status 1 if any.
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkFolder } from './data/check.mjs';
import { ruleProblems } from './data/rules.mjs';

const folder = process.argv[2] ?? join(dirname(dirname(fileURLToPath(import.meta.url))), 'data');
const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
const found = isFolder
  ? checkFolder(folder)
  : { rows: {}, json: {}, problems: [`'${folder}' is no folder. Give one like data/, or nothing for data/ itself.`] };
const problems = [...found.problems, ...ruleProblems(found)];

for (const [file, rows] of Object.entries(found.rows)) console.log(`${file}: ${rows.length} rows`);
for (const file of Object.keys(found.json)) console.log(`${file}: read`);
for (const problem of problems) console.error(problem);
console.log(
  problems.length === 0 ? 'No problem found.' : `${problems.length} problem${problems.length === 1 ? '' : 's'} found.`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
