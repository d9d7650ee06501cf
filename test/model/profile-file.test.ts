/** A profile on disk is the model's own again when it is read, and is refused where it says what no model can be. */

import { describe, expect, test } from 'vitest';
import { SlipwayError } from '../../lib/errors.js';
import { allTensors, type Graph } from '../../lib/model/graph.js';
import type { ModelProfile } from '../../lib/model/profile.js';
import { type ProfileFile, profileFileText, readProfileFile } from '../../lib/model/profile-file.js';
import { profileOf, readGraph } from '../../lib/model/read.js';
import { workOf } from '../../lib/model/work/work-of.js';
import { network } from '../networks.js';
import { committedGraphs, sizesOf } from './committed-graphs.js';
import { file } from './scratch.js';

/** The graph as if its weights lay in the file: those of most graphs here do not exist. */
function withoutFiles(graph: Graph): Graph {
  const inside = new Set(allTensors(graph));
  const drop = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(drop);
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
    const entries = Object.entries(value).map(([key, each]) => [key, drop(each)]);
    return { ...Object.fromEntries(entries), ...(inside.has(value as never) && { external: null }) };
  };
  return drop(graph) as Graph;
}

describe('a profile that was written', () => {
  test.each(committedGraphs)('of %s is read as it was', (name, path) => {
    const graph = withoutFiles(readGraph(path));
    const profile = profileOf(graph);
    const work = workOf(graph, profile, sizesOf(name, profile));
    const text = profileFileText(profile, work);
    expect(readProfileFile(file(text, 'm.profile.json'))).toEqual({ schemaVersion: 1, profile, work });
  });
});

describe('a profile that says what no model can be', () => {
  type Kernel = Record<string, unknown>;
  const made = (): { profile: ModelProfile; text: string } => {
    const graph = readGraph(network('bert-base'));
    const profile = profileOf(graph);
    return { profile, text: profileFileText(profile, workOf(graph, profile, { sequence: 16 })) };
  };

  /** What a changed profile is refused with. */
  function refused(change: (document: { profile: Kernel; work: Kernel & { kernels: Kernel[] } }) => void): string {
    const document = JSON.parse(made().text);
    change(document);
    const path = file(JSON.stringify(document), 'm.profile.json');
    try {
      readProfileFile(path);
    } catch (error) {
      if (error instanceof SlipwayError) return error.message.replaceAll(path, 'PATH');
      throw error;
    }
    return 'was read';
  }

  test.each([
    ['flops', [-1, 0, 0]],
    ['flops', [0, 1e300, 0]],
    ['flops', [0, 0]],
    ['weights', -1],
    ['weights', 1e300],
    ['packedBytes', -1],
    ['count', 0],
    ['count', 1.5],
    ['steps', -1],
    ['floats', [0, -5, 0]],
    ['otherBytes', [0, 0, -1]],
    ['product', [[1, 0, 0], -4, 4]],
  ])('has a kernel whose %s is %j', (field, value) => {
    const message = refused(({ work }) => {
      work.kernels[0]![field] = value;
    });
    expect(message).toMatch(new RegExp(`^'PATH' is no profile of a model: work\\.kernels\\.0\\.${field}.*: `));
    expect(message).toMatch(/Make it again with: slipway inspect MODEL --profile FILE\.profile\.json$/);
  });

  test.each([
    ['flops', [-1, 0, 0]],
    ['storedFloats', -1],
    ['storedOtherBytes', 1e300],
    ['liveFloats', [0, -1, 0]],
    ['liveOtherBytes', [1e300, 0, 0]],
    ['dims', { sequence: -1 }],
    ['dims', { sequence: 0 }],
    ['dims', { sequence: 1.5 }],
  ])('takes a run whose %s is %j', (field, value) => {
    expect(
      refused(({ work }) => {
        work[field] = value;
      }),
    ).toMatch(new RegExp(`^'PATH' is no profile of a model: work\\.${field}.*: `));
  });

  test.each([
    ['parameters', -1],
    ['weightBytes', 1e300],
    ['ops', { MatMul: 0 }],
    ['opsets', { 'ai.onnx': -1 }],
    ['inputs', [{ name: 'x', dtype: 'float32', shape: [-1, 3], kind: 'tensor' }]],
  ])('describes a model whose %s is %j', (field, value) => {
    expect(
      refused(({ profile }) => {
        profile[field] = value;
      }),
    ).toMatch(new RegExp(`^'PATH' is no profile of a model: profile\\.${field}.*: `));
  });

  test('lacks the sizes of a request', () => {
    expect(
      refused(({ work }) => {
        work.dims = {};
      }),
    ).toBe(
      "'PATH' is no profile of a model: work.dims has no size of sequence. Make it again with: slipway inspect MODEL --profile FILE.profile.json --dim sequence=SIZE",
    );
  });

  test('is told apart from a file that is not there, or no JSON', () => {
    expect(() => readProfileFile('nowhere.profile.json')).toThrow(
      /^'nowhere\.profile\.json' does not exist\. Check the path\.$/,
    );
    expect(() => readProfileFile(file('{', 'm.profile.json'))).toThrow(/' cannot be read as a profile: /);
    expect(() => readProfileFile(file('[]', 'm.profile.json'))).toThrow(/' is no profile of a model: the document: /);
  });

  test('is read when nothing was changed', () => {
    const { profile, text } = made();
    const read: ProfileFile = readProfileFile(file(text, 'm.profile.json'));
    expect(read.profile).toEqual(profile);
    expect(read.work.dims).toEqual({ sequence: 16 });
    expect(refused(() => {})).toBe('was read');
  });
});
