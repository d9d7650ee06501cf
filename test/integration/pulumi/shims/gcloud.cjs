// gcloud, as far as building an image needs it: a registry is a JSON file, and every build a line of JSON.
//
// CLOUD_DIR: folder of gcloud.json and gcloud.jsonl. GCLOUD_FAIL: builds fail with this text. GCLOUD_SAYS: the digest.
const { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { digest } = require('./values.cjs');

const registry = join(process.env.CLOUD_DIR, 'gcloud-images');
const images = () => (existsSync(registry) ? JSON.parse(readFileSync(registry, 'utf8')) : {});

/** Options `--name value` and what stands alone. */
function parsed(words) {
  const options = {};
  const alone = [];
  for (let index = 0; index < words.length; index++) {
    if (words[index] === '--quiet') continue;
    if (words[index].startsWith('--')) options[words[index].slice(2)] = words[++index];
    else alone.push(words[index]);
  }
  return { options, alone };
}

function refuse(text) {
  process.stderr.write(`ERROR: (gcloud) ${text}\n`);
  process.exit(1);
}

const { options, alone } = parsed(process.argv.slice(2));
const [target] = alone.slice(-1);
const command = alone.slice(0, -1).join(' ');

if (command === 'builds submit') {
  const config = JSON.parse(readFileSync(options.config, 'utf8'));
  appendFileSync(
    join(process.env.CLOUD_DIR, 'gcloud.jsonl'),
    `${JSON.stringify({ project: options.project, region: options.region, config })}\n`,
  );
  if (!existsSync(join(target, 'Dockerfile'))) refuse(`no Dockerfile in ${target}`);
  process.stdout.write('Creating temporary archive of 40 file(s)\nStep 1/30 : ARG BASE_IMAGE\n');
  if (process.env.GCLOUD_FAIL) refuse(process.env.GCLOUD_FAIL);
  const contents = readdirSync(target, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
    .map((path) => digest(readFileSync(path), 64));
  const pushed = Object.fromEntries(config.images.map((image) => [image, `sha256:${digest(contents.join(''), 64)}`]));
  writeFileSync(registry, JSON.stringify({ ...images(), ...pushed }));
} else if (command === 'artifacts docker images describe') {
  if (options.format !== 'value(image_summary.digest)') refuse(`unknown format ${options.format}`);
  const found = images()[target];
  if (!found) refuse(`Image not found: ${target}`);
  process.stdout.write(`${process.env.GCLOUD_SAYS ?? found}\n`);
} else refuse(`Invalid choice: '${command}'`);
