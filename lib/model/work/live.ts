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
  const given = Object.values(body.inputs).filter(({ constant }) => !constant);
  let live = given.map(sizeOf).reduce(grown, { floats: 0, otherBytes: 0 });
  let peak = live;
  const sizeAt = ({ node, slot }: Place) => sizeOf(body.nodes[node]?.outputs[slot]);
  for (const [at, { writes, inner }] of steps.entries()) {
    for (const place of writes) live = grown(live, sizeAt(place));
    const now = inner
      ? grown(live, { floats: inner.floats[sample] ?? 0, otherBytes: inner.otherBytes[sample] ?? 0 })
      : live;
    if (now.floats > peak.floats || (now.floats === peak.floats && now.otherBytes > peak.otherBytes)) peak = now;
    for (const place of freed[at]!) live = shrunk(live, sizeAt(place));
  }
  return peak;
}

function sizeOf(value: Shaped | undefined): Size {
  if (value === undefined) return { floats: 0, otherBytes: 0 };
  const count = elements(value);
  return isFloat(value) ? { floats: count, otherBytes: 0 } : { floats: 0, otherBytes: bytesOf(value, count) };
}

function grown(size: Size, by: Size): Size {
  return { floats: size.floats + by.floats, otherBytes: size.otherBytes + by.otherBytes };
}

function shrunk(size: Size, by: Size): Size {
  return { floats: size.floats - by.floats, otherBytes: size.otherBytes - by.otherBytes };
}
