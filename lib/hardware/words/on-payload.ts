/** Step 2 of the road: what requests carry, where that decides more than the model does. */

import { inBytes } from '../../byte-size.js';
import { amount } from '../../model/work.js';
import { type PlatformId, platformFacts } from '../../platforms.js';
import { type Payload, payloadOf, requestOf } from '../payload.js';
import type { Platform } from '../platform.js';
import { platformProblem } from '../platform-gates.js';
import type { Ranked, Selection } from '../rank.js';
import { inMs } from './figures.js';

/** From here on the network of a machine may be the limit, bytes a second. */
const networkBytes = 125e6;

/** An output from here on is worth asking whether all of it is needed, bytes. */
const largeOutput = 1e6;

const larger = ({ requestBytes, responseBytes }: Payload): number => Math.max(requestBytes, responseBytes);

/** Where a platform carries less than is asked of it, what would help. */
function onLimits(selection: Selection, platforms: readonly Platform[], payload: Payload, binary: Payload): string[] {
  const { profile, work, scaling, objective } = selection;
  const requestsPerSecond = objective?.requestsPerSecond ?? 1;
  const problem = (id: PlatformId, carried: Payload) =>
    platformProblem(platformFacts(id), {
      payload: carried,
      requestsPerSecond,
      profile,
      toZero: scaling?.toZero ?? false,
    });
  const ids = [...new Set(platforms.map(({ id }) => id))];
  const able = ids.filter((id) => id !== 'local' && problem(id, payload) === null);
  return ids.flatMap((id) => {
    const limit = platformFacts(id).bandwidthBytesPerSecond ?? Number.POSITIVE_INFINITY;
    const flow = larger(payload) * requestsPerSecond;
    if (flow <= limit) return [];
    const remedies = [
      ...(larger(binary) < larger(payload) && problem(id, binary) === null
        ? ['send binary tensors (--payload binary)']
        : []),
      ...(able.length > 0 ? [`choose ${able.join(' or ')}`] : []),
    ];
    const kind = requestOf(work, objective).encoding === 'binary' ? 'tensors' : 'JSON';
    return [
      `${inBytes(larger(payload))} of ${kind} x ${requestsPerSecond}/s = ${inBytes(flow)}/s; an endpoint of ${id} carries ${inBytes(limit)}/s by default: ${remedies.join(' or ') || 'send less'}.`,
    ];
  });
}

/** What the payload means for platforms, processors and the network. */
export function onPayload(selection: Selection, platforms: readonly Platform[], best: Ranked | undefined): string[] {
  const { work, objective } = selection;
  const { rows, encoding } = requestOf(work, objective);
  const payload = payloadOf(work, rows, encoding);
  const binary = payloadOf(work, rows, 'binary');
  const flow = larger(payload) * (objective?.requestsPerSecond ?? 1);
  const taken = best?.candidate.p50Ms ?? payload.processorMs;
  const output = work.outputs.reduce<{ name: string; size: number }>(
    (most, { name, elements }) => {
      const size = elements === null ? 0 : 4 * amount(elements, rows);
      return size > most.size ? { name, size } : most;
    },
    { name: '', size: 0 },
  );
  const found: readonly (readonly [holds: boolean, text: string])[] = [
    [
      encoding === 'json' && payload.processorMs > Math.max(1, taken / 10),
      `JSON of ${inBytes(larger(payload))} takes ${inMs(payload.processorMs)} of a processor for each request; binary tensors (--payload binary) take next to none.`,
    ],
    [
      output.size > largeOutput && payload.responseBytes > payload.requestBytes,
      `Most of an answer is output '${output.name}', ${inBytes(output.size)}: export the model with less of it, such as the last token or the top classes.`,
    ],
    [
      flow > networkBytes,
      `Requests are ${((flow * 8) / 1e9).toFixed(1)} Gbit/s on the network; what the machines' own carries is not in the tables.`,
    ],
  ];
  return [
    ...onLimits(selection, platforms, payload, binary),
    ...found.filter(([holds]) => holds).map(([, text]) => text),
  ];
}
