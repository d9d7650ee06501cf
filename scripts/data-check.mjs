// `npm run data:check [FOLDER]`: every table under `data/`, or another folder like it; every problem at once, exit status 1 if any.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkFolder } from './data/check.mjs';
import { ruleProblems } from './data/rules.mjs';

const folder = process.argv[2] ?? join(dirname(dirname(fileURLToPath(import.meta.url))), 'data');
const found = checkFolder(folder);
const problems = [...found.problems, ...ruleProblems(found)];

for (const [file, rows] of Object.entries(found.rows)) console.log(`${file}: ${rows.length} rows`);
for (const file of Object.keys(found.json)) console.log(`${file}: read`);
for (const problem of problems) console.error(problem);
console.log(
  problems.length === 0 ? 'No problem found.' : `${problems.length} problem${problems.length === 1 ? '' : 's'} found.`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
