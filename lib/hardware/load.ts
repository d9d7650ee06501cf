/** Step 2 of the road: what requests see of a run's time when others come, too. */

/** Share of a machine's throughput that can be used under a latency objective: median of 399 MLPerf systems, ResNet-50 at 15 ms. */
export const usableShare = 0.85;

/** 99th percentile of the wait in a queue of fixed service times, divided by its mean. */
const tail99 = 4.9;

/** One replica: lanes beside each other that each run a batch at a time. */
export interface Replica {
  /** Workers or accelerators. */
  readonly lanes: number;
  /** Requests in one run, most. */
  readonly maxBatch: number;
  /** Milliseconds of one run, by requests in it: powers of two from 1 to `maxBatch`. */
  readonly runMs: readonly number[];
  /** Milliseconds of processor time that a request takes beside the run: parsing, encoding. */
  readonly requestMs: number;
  /** Processors that do that. */
  readonly processors: number;
  /** Whether the runs take the same processors. */
  readonly shared: boolean;
}

export interface UnderLoad {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Milliseconds of a lane that one request takes in a full batch, with its parsing where that takes the same processors. */
function laneMs({ lanes, maxBatch, runMs, requestMs, processors, shared }: Replica): number {
  return runMs.at(-1)! / maxBatch + (shared ? (requestMs * lanes) / processors : 0);
}

/** Requests a second that a replica carries at `usableShare`. */
export function capacityPerSecond(replica: Replica): number {
  const { lanes, requestMs, processors } = replica;
  const parsing = requestMs > 0 ? (processors * 1000) / requestMs : Number.POSITIVE_INFINITY;
  return usableShare * Math.min((lanes * 1000) / laneMs(replica), parsing);
}

/** Time of a run of `requests`, between the powers of two by straight lines. */
function timeOf(requests: number, runMs: readonly number[]): number {
  const power = Math.log2(Math.max(1, requests));
  const below = Math.min(Math.floor(power), runMs.length - 1);
  const least = runMs[below]!;
  const above = runMs[below + 1];
  if (above === undefined) return least;
  return least + ((above - least) * (requests - 2 ** below)) / 2 ** below;
}

/**
 * Latency of requests that come at random, `perSecond` to this replica; null where that is more than it can carry.
 *
 * Without batching: a queue of fixed service times. Its mean wait for several lanes is Sakasegawa's approximation of M/M/c (1977),
 * half of it since service times do not vary; p99 of the wait is 4.9 times its mean (selection facts: 6.5 to 7 service times at a
 * utilisation of 0.7, 3.5 at 0.5). With batching: all that wait go into the next run, so a request waits for the rest of the run in
 * flight and then takes part in a run of those that came meanwhile.
 */
export function underLoad(replica: Replica, perSecond: number): UnderLoad | null {
  const { lanes, maxBatch, runMs, requestMs } = replica;
  if (perSecond > capacityPerSecond(replica)) return null;
  const lane = perSecond / 1000 / lanes;
  const perRequest = laneMs(replica);
  const utilization = lane * perRequest;
  const wait =
    (perRequest * utilization ** (Math.sqrt(2 * (lanes + 1)) - 1)) / (2 * lanes * Math.max(1e-9, 1 - utilization));
  if (maxBatch === 1) {
    const run = runMs[0]!;
    return { p50Ms: requestMs + run + 0.7 * wait, p99Ms: requestMs + run + tail99 * wait };
  }
  let batch = 1;
  for (let step = 0; step < 32; step += 1) batch = Math.min(maxBatch, Math.max(1, lane * timeOf(batch, runMs)));
  const run = timeOf(batch, runMs);
  const arrivals = lane * run;
  const busy = Math.min(1, arrivals / batch) ** lanes;
  const joined = Math.min(maxBatch, Math.max(1, arrivals + 1.3 * Math.sqrt(arrivals)));
  const rest = busy > 0.01 ? run * (1 - 0.01 / busy) : 0;
  const p50Ms = requestMs + (busy * run) / 2 + run + 0.7 * wait;
  const p99Ms = requestMs + rest + timeOf(joined, runMs) + tail99 * wait;
  return { p50Ms, p99Ms: Math.max(p50Ms, p99Ms) };
}
