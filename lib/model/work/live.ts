/** Step 1 of the road: how much of what kernels make has to be kept at one time. */

import type { Shaped, ShapedBody } from '../shaped.js';
import type { Flow } from './flow.js';
import type { Place } from './ports.js';
import type { Samples } from './quantity.js';
import { bytesOf, elements, isFloat } from './sizes.js';

/** The most that lives at one time, for every sampled batch. */
export interface LivePeak {
  /** Elements of floats. */
  readonly floats: Samples;
  /** Bytes of all others at that time. */
  readonly otherBytes: Samples;
}

/** A kernel, or a node that runs a graph of its own. */
export interface Step {
  readonly reads: readonly string[];
  readonly writes: readonly Place[];
  readonly inner: LivePeak | null;
}

interface Size {
  readonly floats: number;
  readonly otherBytes: number;
}

/** Every value lives from the step that makes it to the last that reads it; inputs and outputs of the body live all the time. */
export function peakOf(flow: Flow, bodies: readonly ShapedBody[], steps: readonly Step[]): LivePeak {
  const lastRead = new Map<string, number>();
  for (const [at, { reads }] of steps.entries()) for (const name of reads) lastRead.set(name, at);
  const freed: Place[][] = steps.map(() => []);
  for (const [at, { writes }] of steps.entries()) {
    for (const place of writes) {
      if (!flow.leaves(place.name)) freed[Math.max(at, lastRead.get(place.name) ?? at)]!.push(place);
    }
  }
  const peaks = bodies.map((body, sample) => peakOfSample(body, steps, freed, sample));
  return { floats: peaks.map(({ floats }) => floats), otherBytes: peaks.map(({ otherBytes }) => otherBytes) };
}

function peakOfSample(body: ShapedBody, steps: readonly Step[], freed: readonly Place[][], sample: number): Size {
  const live = { floats: 0, otherBytes: 0 };
  const add = (value: Shaped | undefined, sign: 1 | -1) => {
    if (value === undefined) return;
    if (isFloat(value)) live.floats += sign * elements(value);
    else live.otherBytes += sign * bytesOf(value, elements(value));
  };
  const addPlace = ({ node, slot }: Place, sign: 1 | -1) => add(body.nodes[node]?.outputs[slot], sign);
  for (const value of Object.values(body.inputs)) if (!value.constant) add(value, 1);
  let peak: Size = { ...live };
  for (const [at, { writes, inner }] of steps.entries()) {
    for (const place of writes) addPlace(place, 1);
    const floats = live.floats + (inner?.floats[sample] ?? 0);
    const otherBytes = live.otherBytes + (inner?.otherBytes[sample] ?? 0);
    if (floats > peak.floats || (floats === peak.floats && otherBytes > peak.otherBytes)) peak = { floats, otherBytes };
    for (const place of freed[at]!) addPlace(place, -1);
  }
  return peak;
}
