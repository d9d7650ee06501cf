/** `slipway inspect`: results on standard output, refusals as errors that the command line prints. */

import { expect, test, vi } from 'vitest';
import { inspectCommand } from '../../bin/commands/inspect.js';
import { example, file, fixture } from './scratch.js';

async function inspect(...args: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await inspectCommand().parseAsync(args, { from: 'user' });
    return write.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    write.mockRestore();
  }
}

test('--json has the agreed keys', async () => {
  const found = JSON.parse(await inspect(fixture('external.onnx'), '--json'));
  expect(found).toMatchObject({
    opset: 17,
    irVersion: 9,
    family: 'mlp',
    parameters: 56,
    weightBytes: 224,
    inputs: [{ name: 'x', dtype: 'float32', shape: ['n', 4] }],
    outputs: [{ name: 'y', dtype: 'float32', shape: ['n', 8] }],
    ops: { MatMul: 2, Add: 1 },
    quantized: false,
    quantization: 'none',
    customOps: [],
    externalData: [{ location: 'external.data', bytes: 160 }],
  });
});

test('a model with custom operators is shown', async () => {
  expect(JSON.parse(await inspect(fixture('custom.onnx'), '--json')).customOps).toEqual(['acme:Fancy', 'acme:Other']);
});

test('without --json it prints a page', async () => {
  expect(await inspect(example('breast-cancer', 'breast-cancer.onnx'))).toMatch(
    /^breast-cancer\.onnx\n {2}family +classic/,
  );
});

test('what is no model is an error, with nothing on standard output', async () => {
  const path = file('hello');
  await expect(inspect(path)).rejects.toThrow(`'${path}' is no ONNX model but a text file. Give an .onnx file.`);
});

test('the help shows examples', () => {
  const command = inspectCommand();
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  expect(help).toContain('$ slipway inspect fraud.onnx --json | jq .family');
});
