import { expect, test } from 'vitest';
import { commandAs } from '../../bin/command-line.js';

test('another command keeps what was given but for what it does not have', () => {
  const given = ['optimize', 'my model.onnx', '--out', 'build/', '--metric=f1.py:f1', '--update', '--dim', 'tokens=8'];
  const leftOut = { '--out': 'value', '--update': 'flag' } as const;
  expect(commandAs('build', leftOut, ['--tag', 'fraud:1'], given)).toBe(
    "slipway build 'my model.onnx' --metric=f1.py:f1 --dim tokens=8 --tag fraud:1",
  );
  expect(commandAs('build', leftOut, [], ['optimize', 'm.onnx', '--out=build/'])).toBe('slipway build m.onnx');
});
