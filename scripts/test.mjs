// Runs the suites that are named, or all, and ends with one line that counts their tests.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runToEnd } from './process.mjs';
import { python, root } from './python.mjs';

const results = join(root, '.test-results');

/** Counts of a vitest JSON report. */
function vitestCounts(path) {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  const broken = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** Counts of a JUnit report as pytest writes it. */
function junitCounts(path) {
  const suite = /<testsuite [^>]*>/.exec(readFileSync(path, 'utf8'))[0];
  const [tests, failures, errors, skipped] = ['tests', 'failures', 'errors', 'skipped'].map((name) =>
    Number(new RegExp(` ${name}="(\\d+)"`).exec(suite)[1]),
  );
  return { passed: tests - failures - errors - skipped, failed: failures + errors, skipped };
}

async function counted(report, read, run) {
  const path = join(results, report);
  rmSync(path, { force: true });
  const code = await run(path);
  if (!existsSync(path)) return { passed: 0, failed: 1, skipped: 0 };
  const counts = read(path);
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

const vitest = (project) => () =>
  counted(`${project}.json`, vitestCounts, (path) =>
    runToEnd(
      process.execPath,
      [
        join('node_modules', 'vitest', 'vitest.mjs'),
        'run',
        '--project',
        project,
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${path}`,
      ],
      { cwd: root, stdio: ['ignore', 1, 2] },
    ),
  );

/** Installs Debian's packages where that is allowed. */
async function aptInstall(packages, what) {
  if (process.getuid?.() !== 0 || !whichOf(['apt-get'])) return;
  process.stderr.write(`Installing ${packages.join(', ')} for ${what} …\n`);
  // In run level 1 nothing that is installed is started.
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' } };
  await runToEnd('apt-get', ['update', '-qq'], options);
  await runToEnd('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], options);
}

/** The emulator of the foreign-processor tests; without it pytest counts them as skipped. */
async function emulator() {
  if (whichOf(['qemu-x86_64']) || process.arch !== 'x64') return;
  await aptInstall(['qemu-user'], 'the foreign-processor tests');
}

/** Alertmanager for the incident drill; without it the drill counts as skipped. */
async function alertRouting() {
  if (whichOf(['prometheus-alertmanager'])) return;
  await aptInstall(['prometheus-alertmanager'], 'the incident drill');
  if (!whichOf(['prometheus-alertmanager'])) {
    process.stderr.write('local: no incident drill. It needs Alertmanager: apt-get install prometheus-alertmanager\n');
  }
}

async function locally() {
  await alertRouting();
  return vitest('local')();
}

async function pytest() {
  await emulator();
  return pytestIn('dev', 'container.xml');
}

/** Python's tests in the environment of a group; those of pyproject.toml, or those named. */
async function pytestIn(group, report, ...named) {
  const { python: command, env } = await python(group);
  return counted(report, junitCounts, (path) =>
    runToEnd(command, ['-m', 'pytest', ...named, `--junitxml=${path}`], {
      cwd: join(root, 'container'),
      env,
      stdio: ['ignore', 1, 2],
    }),
  );
}

const whichOf = (names) =>
  names
    .flatMap((name) => process.env.PATH.split(':').map((folder) => join(folder, name)))
    .find((path) => existsSync(path));

/** The browser that the page is tested in, its path in SLIPWAY_CHROMIUM: Debian's, installed where that is allowed. */
async function browser() {
  process.env.SLIPWAY_CHROMIUM ||= whichOf(['chromium', 'chromium-browser', 'google-chrome']) ?? '';
  if (process.env.SLIPWAY_CHROMIUM) return undefined;
  await aptInstall(['chromium'], 'the browser test');
  process.env.SLIPWAY_CHROMIUM = whichOf(['chromium']) ?? '';
  return process.env.SLIPWAY_CHROMIUM ? undefined : 'Chromium is missing. Install it: apt-get install chromium';
}

/** What builds images and takes them, Debian's packages by program; installed where that is allowed. */
const imageTools = { buildah: 'buildah', debootstrap: 'debootstrap', 'docker-registry': 'docker-registry' };

async function imageBuilder() {
  if (process.getuid?.() !== 0) return 'Images are built as root here. Run this suite as root';
  const missing = () =>
    Object.entries(imageTools).flatMap(([name, aptPackage]) =>
      whichOf([name, `../sbin/${name}`]) ? [] : [aptPackage],
    );
  const wanted = missing();
  if (wanted.length > 0) await aptInstall(wanted, 'the image suite');
  const left = missing();
  return left.length > 0 ? `Missing: ${left.join(', ')}. Install them: apt-get install ${left.join(' ')}` : undefined;
}

/** Pulumi's engine is built from Go modules. */
const goCompiler = () =>
  whichOf(['go']) ? undefined : 'Go is missing: Pulumi’s engine is built from its modules. Install Go 1.25 or newer';

/** Each suite: what it needs that may be missing (a sentence), and how it runs. */
const suites = {
  unit: { run: vitest('unit') },
  container: { run: pytest },
  local: { run: locally },
  page: { needs: browser, run: vitest('page') },
  image: { needs: imageBuilder, run: vitest('image') },
  aws: { needs: imageBuilder, run: vitest('aws') },
  pulumi: { needs: goCompiler, run: vitest('pulumi') },
  torch: { run: () => pytestIn('torch', 'torch.xml', 'exporter/tests', '--timeout=600') },
};

/** Runs suites. Resolves with the exit code. */
export async function test(names) {
  const unknown = names.filter((name) => !(name in suites));
  if (unknown.length > 0) {
    process.stderr.write(`There is no suite ${unknown.join(', ')}. There: ${Object.keys(suites).join(', ')}\n`);
    return 2;
  }
  mkdirSync(results, { recursive: true });
  const total = { passed: 0, failed: 0, skipped: 0 };
  // Torch takes 3 GB to fetch: its suite runs in CI, and where it is named.
  const all = Object.keys(suites).filter((name) => name !== 'torch' || process.env.CI);
  for (const name of names.length > 0 ? names : all) {
    const missing = await suites[name].needs?.();
    if (missing) process.stderr.write(`${name}: ${missing}\n`);
    const nothingRan = process.env.CI ? { passed: 0, failed: 1, skipped: 0 } : { passed: 0, failed: 0, skipped: 1 };
    const counts = missing ? nothingRan : await suites[name].run();
    for (const kind of Object.keys(total)) total[kind] += counts[kind];
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}

/** ruff and pyright over the container. Resolves with the exit code. */
export async function lintPython() {
  const { python: command, env } = await python('dev');
  const container = { cwd: join(root, 'container'), env };
  const pyright = join(root, 'node_modules', 'pyright', 'index.js');
  const folders = ['.', '../examples', '../bench', '../test'];
  const steps = [
    [command, ['-m', 'ruff', 'check', ...folders], container],
    [command, ['-m', 'ruff', 'format', '--check', ...folders], container],
    [process.execPath, [pyright, '-p', 'container/pyproject.toml', '--pythonpath', command], { cwd: root }],
  ];
  for (const [file, args, options] of steps) {
    const code = await runToEnd(file, args, options);
    if (code !== 0) return code;
  }
  return 0;
}
