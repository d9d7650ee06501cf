/** Step 1 of the road: `readModel`, from a file to what later steps may ask about it. */

import { SlipwayError } from '../errors.js';
import { customOps, opName } from './custom-ops.js';
import { externalFiles } from './external-data.js';
import { familyOf } from './family.js';
import { allNodes, allTensors, type Graph, type Node } from './graph.js';
import { DEFAULT_DOMAIN, type DecodedModel, decodeModel } from './onnx.js';
import { bytesByDtype, parameterCount } from './parameters.js';
import type { ModelProfile, TensorInfo } from './profile.js';
import { quantizationOf } from './quantization.js';
import { notAModel } from './refusals.js';
import { withFile } from './regular-file.js';
import { openWire, type Wire, WireFault } from './wire.js';

export { servingProblems } from './serving-problems.js';

/** What ONNX Runtime 1.30 reads. */
export const SUPPORTED = { opset: { least: 7, most: 26 }, irVersion: { least: 3, most: 13 } };

/** Protobuf's limit; larger models keep their weights in files beside them. */
const LARGEST_FILE = 2 ** 31 - 1;

const HEAD_BYTES = 512;

/**
 * Reads what a model is, without its weights. Takes about a second and little memory for a file of 2 GB.
 *
 * Throws `SlipwayError` when the file is no ONNX model, is damaged, is of a version that ONNX Runtime does not read,
 * or when its external data is missing or not to be trusted.
 */
export function readModel(path: string): ModelProfile {
  return profileOf(readGraph(path));
}

/** Reads a model's graph: nodes, attributes, shapes and small constants. Throws `SlipwayError`, but does not look at external data. */
export function readGraph(path: string): Graph {
  const { size, model } = readFile(path);
  const { main } = model;
  if (main === null) throw new SlipwayError(`'${path}' holds no graph. Export the model again.`);
  const problem = versionProblem(model) ?? (main.outputs.length === 0 ? 'has a graph without outputs' : null);
  if (problem !== null) throw new SlipwayError(`'${path}' ${problem}. Export the model again.`);
  const graph = { path, fileBytes: size, ...model, main };
  checkDomains(graph);
  return graph;
}

/** What a graph tells of the model. Looks at external data, and throws `ProblemsError` when that is not as it should be. */
export function profileOf(graph: Graph): ModelProfile {
  const nodes = allNodes(graph);
  const tensors = allTensors(graph);
  const weightBytesByDtype = bytesByDtype(tensors);
  const stored = new Set(graph.main.initializers.map(({ name }) => name));
  const inputs = graph.main.inputs.filter(({ name }) => !stored.has(name));
  return {
    schemaVersion: 1,
    fileBytes: graph.fileBytes,
    irVersion: graph.irVersion,
    opset: graph.opsets[DEFAULT_DOMAIN] ?? null,
    opsets: graph.opsets,
    producer: graph.producer,
    family: familyOf(graph),
    parameters: parameterCount(nodes, tensors),
    weightBytes: Object.values(weightBytesByDtype).reduce((sum, bytes) => sum + bytes, 0),
    weightBytesByDtype,
    inputs,
    outputs: graph.main.outputs,
    symbolicDims: symbolicDims(inputs),
    batchDim: batchDim(inputs),
    ops: opCounts(nodes),
    nodes: nodes.length,
    quantization: quantizationOf(graph),
    customOps: customOps(graph),
    externalData: externalFiles(
      graph.path,
      tensors.flatMap(({ external }) => external ?? []),
    ),
  };
}

function readFile(path: string): { size: number; model: DecodedModel } {
  return withFile(path, (file) => {
    if (file.size <= LARGEST_FILE) return { size: file.size, model: decodeFile(path, openWire(file)) };
    throw new SlipwayError(
      `'${path}' has ${file.size} bytes; an ONNX file has at most ${LARGEST_FILE}. Save the model with its weights as external data.`,
    );
  });
}

function decodeFile(path: string, wire: Wire): DecodedModel {
  const head = wire.bytes({ start: 0, end: Math.min(HEAD_BYTES, wire.size) });
  try {
    const model = decodeModel(wire);
    // Bytes that are no model may still be read as unknown fields; then they hold nothing that a model has.
    if (model.main === null && Object.keys(model.opsets).length === 0) {
      const begun = model.irVersion > 0;
      throw notAModel(path, head, begun ? new WireFault('it ends before its graph', wire.size, true) : null);
    }
    return model;
  } catch (error) {
    throw error instanceof WireFault ? notAModel(path, head, error) : error;
  }
}

function versionProblem({ irVersion, opsets }: DecodedModel): string | null {
  const { irVersion: ir, opset: supported } = SUPPORTED;
  if (irVersion < ir.least || irVersion > ir.most) {
    return `is of ONNX IR version ${irVersion}; versions ${ir.least} to ${ir.most} can be run`;
  }
  if (Object.keys(opsets).length === 0) return 'does not say which operator set it uses: it is cut short or damaged';
  const opset = opsets[DEFAULT_DOMAIN];
  if (opset !== undefined && (opset < supported.least || opset > supported.most)) {
    return `uses operator set ${opset}; sets ${supported.least} to ${supported.most} can be run`;
  }
  return null;
}

/** A file cut short between two imports still looks whole; the operators give it away. */
function checkDomains(graph: Graph): void {
  const known = new Set([...Object.keys(graph.opsets), ...graph.functions.map(({ domain }) => domain)]);
  const main = allNodes({ ...graph, functions: [] }).filter(({ domain }) => !known.has(domain));
  const missing = [...new Set(main.map(({ domain }) => domain))];
  if (missing.length === 0) return;
  throw new SlipwayError(
    `'${graph.path}' uses operators of ${missing.join(', ')} without importing their version: it is cut short or damaged. Copy or export it again.`,
  );
}

function opCounts(nodes: readonly Node[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const node of nodes) counts.set(opName(node), (counts.get(opName(node)) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([one, a], [other, b]) => b - a || (one < other ? -1 : 1)));
}

function symbolicDims(inputs: readonly TensorInfo[]): string[] {
  const dims = inputs.flatMap(({ shape }) => shape ?? []);
  return [...new Set(dims.filter((dim) => typeof dim === 'string'))];
}

function batchDim(inputs: readonly TensorInfo[]): string | null {
  const firsts = new Set(inputs.map(({ shape }) => shape?.[0]));
  const [first] = firsts;
  return firsts.size === 1 && typeof first === 'string' ? first : null;
}
