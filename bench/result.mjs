// Writes what a benchmark found to bench/results/, as JSON and as Markdown, with the machine it ran on.
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = join(dirname(fileURLToPath(import.meta.url)), 'results');

export function writeResult(name, { title, command, note, rows, columns, cells }) {
  const machine = { cpu: cpus()[0].model.trim(), processors: availableParallelism(), load: loadavg()[0] };
  const date = new Date().toISOString().slice(0, 10);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, `${name}.json`),
    `${JSON.stringify({ title, command, date, machine, note, rows }, null, 2)}\n`,
  );
  const table = [columns, columns.map(() => '---'), ...rows.map(cells)].map((row) => `| ${row.join(' | ')} |`);
  const where = `${machine.cpu}, ${machine.processors} processors, ${date}. Again with \`${command}\`.`;
  const text = [`# ${title}`, '', note, '', ...table, '', where, ''].join('\n');
  writeFileSync(join(folder, `${name}.md`), text);
  process.stdout.write(`${text}\n`);
}
