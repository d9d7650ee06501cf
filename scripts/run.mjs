// The one door of `npm run …`: makes a fresh clone ready, then does what was asked in this same process, so that
// Ctrl-C and SIGTERM reach it.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setUp } from './setup.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [task, ...rest] = process.argv.slice(2);

const digits = join('examples', 'models', 'digits');
const example = [
  join(digits, 'digits.onnx'),
  ...['--data', join(digits, 'samples.npz')],
  ...['--labels', join(digits, 'labels.npy')],
];

const tasks = {
  /** The main job on the example model, or on the model that is named. */
  up() {
    const model = rest.some((argument) => argument.endsWith('.onnx')) ? [] : example;
    process.argv = [process.execPath, 'slipway', 'up', ...model, ...rest];
    createRequire(import.meta.url)(join(root, 'dist', 'bin', 'slipway.js'));
  },
  async test() {
    const { test } = await import('./test.mjs');
    process.exitCode = await test(rest);
  },
  async bench() {
    const { bench } = await import('./bench.mjs');
    process.exitCode = await bench(rest);
  },
  async 'lint-python'() {
    const { lintPython } = await import('./test.mjs');
    process.exitCode = await lintPython();
  },
};

/** npm may be killed without a chance to pass the signal on; then nobody is left who wanted this. */
function endWithNpm() {
  if (!process.env.npm_lifecycle_event) return;
  const npm = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === npm) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 500);
  watch.unref();
}

endWithNpm();
await setUp();
await tasks[task]();
