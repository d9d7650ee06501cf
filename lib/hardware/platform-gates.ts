/** Step 2 of the road: what keeps a whole platform from carrying the requests, whatever the machine. */

import { inBytes } from '../byte-size.js';
import type { ModelProfile } from '../model/profile.js';
import type { PlatformFacts } from '../platforms.js';
import type { Payload } from './payload.js';

/** What is asked of the platform. */
export interface Traffic {
  readonly payload: Payload;
  readonly requestsPerSecond: number;
  readonly profile: ModelProfile;
  /** Whether the endpoint has to cost nothing while nobody asks. */
  readonly toZero: boolean;
}

const over = (value: number, limit: number | null): limit is number => limit !== null && value > limit;

/** Bytes a second in the direction that carries more. */
export const bytesPerSecond = ({ payload, requestsPerSecond }: Traffic): number =>
  requestsPerSecond * Math.max(payload.requestBytes, payload.responseBytes);

/** In this order; the first that holds is told, with both numbers. */
const gates: readonly ((facts: PlatformFacts, traffic: Traffic) => string | null)[] = [
  ({ maxRequestBytes: limit }, { payload: { requestBytes: size } }) =>
    over(size, limit) ? `a request has ${inBytes(size)}, the platform takes ${inBytes(limit)}` : null,
  ({ maxResponseBytes: limit }, { payload: { responseBytes: size } }) =>
    over(size, limit) ? `an answer has ${inBytes(size)}, the platform takes ${inBytes(limit)}` : null,
  ({ bandwidthBytesPerSecond: limit }, traffic) =>
    over(bytesPerSecond(traffic), limit)
      ? `requests and answers are ${inBytes(bytesPerSecond(traffic))}/s, an endpoint carries ${inBytes(limit)}/s`
      : null,
  ({ requestsPerSecond: limit }, { requestsPerSecond }) =>
    over(requestsPerSecond, limit) ? `${requestsPerSecond} requests/s, an endpoint takes ${limit}/s` : null,
  ({ maxModelBytes: limit }, { profile: { weightBytes } }) =>
    over(weightBytes, limit) ? `the model has ${inBytes(weightBytes)}, the platform takes ${inBytes(limit)}` : null,
  ({ scaleToZero, scaleToZeroHow }, { toZero }) =>
    toZero && !scaleToZero ? `does not scale to zero: ${scaleToZeroHow}` : null,
];

/** The first limit of the platform that the requests break; null when they break none. */
export function platformProblem(facts: PlatformFacts, traffic: Traffic): string | null {
  return gates.map((gate) => gate(facts, traffic)).find((problem) => problem !== null) ?? null;
}
