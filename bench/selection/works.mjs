// What one run of each network of the cases takes, and the device of each case, by Slipway's own reader and tables from dist/.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from '../../scripts/python.mjs';

const require = createRequire(import.meta.url);
export const built = (...path) => require(join(root, 'dist', 'lib', ...path));

const { readGraph } = built('model', 'read.js');
const { workOf } = built('model', 'work', 'work-of.js');
const { gpus, cpus } = built('hardware', 'catalogue', 'tables.js');

/** Work for a profile without the fields that need the weights' file, which the networks lack. */
function read(network, dims) {
  const places = [join('test', 'networks'), join('examples', 'models', network)];
  const path = places.map((place) => join(root, place, `${network}.onnx`)).find(existsSync);
  const graph = readGraph(path);
  const stored = new Set(graph.main.initializers.map(({ name }) => name));
  const inputs = graph.main.inputs.filter(({ name }) => !stored.has(name));
  const symbolicDims = [
    ...new Set(inputs.flatMap(({ shape }) => shape ?? []).filter((dim) => typeof dim === 'string')),
  ];
  return workOf(graph, { inputs, symbolicDims }, dims);
}

const works = new Map();

export function workOfCase({ network, dims }) {
  const key = JSON.stringify([network, dims]);
  if (!works.has(key)) works.set(key, read(network, dims));
  return works.get(key);
}

/** The device of a case as the catalogue has it. */
export function deviceOfCase({ device }) {
  if (device.kind === 'gpu')
    return { kind: 'gpu', gpu: gpus().find(({ id }) => id === device.id), share: device.share };
  const cpu = cpus().find(({ id }) => id === device.id);
  return { kind: 'cpu', cpu, vcpus: device.cores * cpu.vcpusPerCore };
}
