/** Step 1 of the road: a model's profile for people and, by agreed keys, for scripts. */

import { basename } from 'node:path';
import { inBytes } from '../byte-size.js';
import { textTable } from '../text-table.js';
import type { Family, ModelProfile, Quantization, TensorInfo } from './profile.js';
import { sizedDims } from './sample-checks.js';
import { servingProblems } from './serving-problems.js';
import { shapeText } from './shape-text.js';

/** What `slipway inspect --json` prints: the profile, and whether its weights are reduced already. */
export interface Inspection extends ModelProfile {
  readonly quantized: boolean;
}

/** The profile with `quantized`, which is true for every reduction but half floats. */
export function inspection(profile: ModelProfile): Inspection {
  return { ...profile, quantized: profile.quantization !== 'none' && profile.quantization !== 'float16' };
}

const families: Readonly<Record<Family, string>> = {
  cnn: 'convolutional network',
  vit: 'vision transformer',
  encoder: 'transformer encoder',
  decoder: 'transformer decoder',
  detector: 'object detector',
  recurrent: 'recurrent network',
  mlp: 'multilayer perceptron',
  classic: 'classic model (trees, linear, …)',
  other: 'of no family that Slipway knows',
};

const quantizations: Readonly<Record<Quantization, string>> = {
  none: 'no',
  qdq: 'yes: quantize/dequantize pairs with calibrated ranges',
  qoperator: 'yes: quantized operators with calibrated ranges',
  dynamic: 'yes: ranges are measured in every run',
  'weight-only': 'yes: weights only',
  float16: 'no, but the weights are half floats',
};

const MOST_OPS = 12;
const BAR = 24;

/** A page on a model. Ends with a line break. */
export function summary(path: string, profile: ModelProfile): string {
  const sections = [heading(path, profile), tensors(profile), histogram(profile.ops), notes(profile)];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function heading(path: string, profile: ModelProfile): string[] {
  const others = Object.entries(profile.opsets).filter(([domain]) => domain !== 'ai.onnx');
  const rows: [string, string][] = [
    ['family', families[profile.family]],
    ['parameters', profile.parameters.toLocaleString('en')],
    ['weights', weights(profile)],
    ['quantized', quantizations[profile.quantization]],
    ['opset', [profile.opset ?? 'none', ...others.map(([domain, version]) => `${domain} ${version}`)].join(', ')],
    ['IR version', String(profile.irVersion)],
    ['made by', profile.producer || 'unknown'],
    ['file', fileSizes(profile)],
  ];
  return [basename(path), ...textTable(rows).map((line) => `  ${line}`)];
}

function weights({ weightBytes, weightBytesByDtype }: ModelProfile): string {
  const parts = Object.entries(weightBytesByDtype).map(([dtype, bytes]) => `${dtype} ${inBytes(bytes)}`);
  if (parts.length < 2) return parts[0] ?? inBytes(weightBytes);
  return `${inBytes(weightBytes)} (${parts.join(', ')})`;
}

function fileSizes({ fileBytes, externalData }: ModelProfile): string {
  return [inBytes(fileBytes), ...externalData.map(({ location, bytes }) => `${inBytes(bytes)} in ${location}`)].join(
    ' + ',
  );
}

function tensors({ inputs, outputs }: ModelProfile): string[] {
  const row = (role: string, { name, dtype, shape, kind }: TensorInfo): string[] => [
    role,
    name,
    kind === 'tensor' ? dtype : `${kind} of ${dtype}`,
    kind === 'sequence' || kind === 'map' ? '' : shapeText(shape),
  ];
  return textTable([...inputs.map((input) => row('input', input)), ...outputs.map((output) => row('output', output))]);
}

/** Operators by how often they occur; the rest in one line. */
function histogram(ops: Readonly<Record<string, number>>): string[] {
  const entries = Object.entries(ops);
  const most = Math.max(...entries.map(([, count]) => count));
  const shown = entries.slice(0, MOST_OPS);
  const rest = entries.slice(MOST_OPS);
  const more = rest.map(([op, count]) => `${op} ${count}`).join(', ');
  return [
    ...textTable(
      shown.map(([op, count]) => [op, String(count), '█'.repeat(Math.max(1, Math.round((BAR * count) / most)))]),
    ),
    ...(rest.length > 0 ? [`and ${more}`] : []),
  ];
}

function notes(profile: ModelProfile): string[] {
  const problems = servingProblems(profile);
  const found = [
    ...problems.map(({ where, what }) => `${where}: ${what}`),
    ...(problems.length > 0 ? ['The model can be looked at, but not served.'] : []),
    ...(profile.family === 'classic' && profile.parameters === 0
      ? ['Its numbers lie in attributes of operators, which are not counted as parameters.']
      : []),
    ...dimNotes(profile),
  ];
  return found.map((note) => `note: ${note}`);
}

function dimNotes({ inputs }: ModelProfile): string[] {
  const free = sizedDims(inputs);
  return [
    ...(free.length > 0
      ? [`Symbolic besides the batch: ${free.join(', ')}. Samples or --dim name=size give their sizes.`]
      : []),
    ...(inputs.length > 0 && inputs.every(({ shape }) => typeof shape?.[0] === 'number')
      ? ['No symbolic batch dimension: requests cannot be batched.']
      : []),
  ];
}
