/** The options of a model and of the gate, as the shell gives them, and the spec they make. */

import { Command } from 'commander';
import { expect, test } from 'vitest';
import {
  type GateOptions,
  type ModelOptions,
  specOf,
  withGateOptions,
  withModelOptions,
} from '../../bin/commands/model-options.js';

function specFrom(...words: string[]) {
  const command = withGateOptions(withModelOptions(new Command('try'))).exitOverride();
  command.configureOutput({ writeErr: () => {} });
  command.parse(['m.onnx', ...words], { from: 'user' });
  return specOf(command.args[0]!, command.opts<ModelOptions & GateOptions>());
}

test('without options only the defaults are in the spec', () => {
  expect(specFrom()).toEqual({
    model: { path: 'm.onnx', dims: {} },
    optimization: { precision: 'auto', onFailure: 'fp32' },
  });
});

test('each option reaches its place in the spec', () => {
  const spec = specFrom(
    ...['--data', 's.npz', '--labels', 'l.npy', '--precision', 'int4', '--goal', 'size', '--task', 'embedding'],
    ...['--metric', 'folder:a/metric.py:f1', '--metric-direction', 'lower', '--canaries', 'synthetic'],
    ...['--hooks', 'hooks.py', '--requirements', 'requirements.txt', '--min-shrink', '2.5', '--strict'],
    ...['--max-accuracy-drop', '0.5%', '--min-agreement', '0.98', '--repair-trials', '0', '--on-failure', 'error'],
  );
  expect(spec).toEqual({
    model: { path: 'm.onnx', calibration: 's.npz', labels: 'l.npy', dims: {} },
    optimization: {
      precision: 'int4',
      goal: 'size',
      task: 'embedding',
      metric: { file: 'folder:a/metric.py', function: 'f1', direction: 'lower' },
      canaries: 'synthetic',
      gate: { minShrink: 2.5, maxAccuracyDrop: 0.005, minAgreement: 0.98, strict: true },
      repair: { trials: 0 },
      onFailure: 'error',
    },
    serving: { hooks: 'hooks.py', requirements: 'requirements.txt' },
  });
});

test('what a command adds stays, and options win over it', () => {
  const options = { dim: {}, precision: 'int8', minSpeedup: 1.5, hooks: 'h.py' } as const;
  const spec = specOf('m.onnx', options, {
    optimization: { precision: 'auto', onFailure: 'error', gate: { minSpeedup: 2, minSqnrDb: 30 } },
    serving: { workers: 2 },
    objective: { p99Ms: 50 },
  });
  expect(spec.optimization).toEqual({
    precision: 'int8',
    onFailure: 'error',
    gate: { minSpeedup: 1.5, minSqnrDb: 30 },
  });
  expect(spec.serving).toEqual({ workers: 2, hooks: 'h.py' });
  expect(spec.objective).toEqual({ p99Ms: 50 });
});

test.each([
  [['--metric', 'metric.py'], /metric\.py:f1/],
  [['--metric', 'metric.py:2nd'], /metric\.py:f1/],
  [['--metric-direction', 'lower'], /Give --metric too/],
  [['--min-speedup', '0.9'], /at least 1/],
  [['--max-accuracy-drop', '101%'], /from 0 to 1/],
  [['--min-agreement', 'high'], /from 0 to 1/],
  [['--repair-trials', '1.5'], /whole number from 0/],
  [['--goal', 'cost'], /speed, size/],
])('%j is refused with what is allowed', (words, message) => {
  expect(() => specFrom(...words)).toThrow(message);
});
