/** For tests of the dashboard: the digits example optimized, served, read and drawn here, as `slipway up` does it. */

import { runLocally } from '../../../lib/local/endpoint.js';
import { local } from '../../../lib/local/machine.js';
import { Model } from '../../../lib/model/model.js';
import { type EndpointPlan, planEndpoint } from '../../../lib/plan.js';
import { example, type Instant } from '../local/slipway.js';

export interface WatchedDigits {
  readonly plan: EndpointPlan;
  readonly endpoint: string;
  readonly dashboard: string;
  readonly prometheus: string;
  readonly sample: object;
  /** Posts so many requests, one after the other. */
  send(count: number): Promise<void>;
  /** Labels and value of each series of an instant query. */
  ask(query: string, time?: number): Promise<Instant['data']['result']>;
  stop(): Promise<void>;
}

/**
 * Drift is told over ten minutes, of which a comparison comes each ten seconds; over a day it would be every two minutes.
 *
 * @param minCount - rows it takes
 */
export async function watchDigits(minCount = 500): Promise<WatchedDigits> {
  const { model, data, labels } = example('digits');
  const planned = planEndpoint(
    {
      model: Model.fromOnnx(model, { calibration: data, labels }),
      monitoring: { slo: { p99Ms: 50 }, drift: { minCount } },
    },
    local(),
  );
  const { monitoring } = planned;
  const plan = { ...planned, monitoring: { ...monitoring, drift: { ...monitoring.drift!, windowSeconds: 600 } } };
  const running = await runLocally(plan, { port: 0 });
  const { endpoint, infer, dashboard, prometheus, missing, sample } = running;
  if (dashboard === null || prometheus === null) throw new Error(missing ?? 'there is no dashboard');
  const body = JSON.stringify(sample.body);
  return {
    ...{ plan, endpoint, dashboard, prometheus, sample: sample.body },
    async send(count) {
      for (let i = 0; i < count; i += 1) await (await fetch(infer, { method: 'POST', body })).arrayBuffer();
    },
    async ask(query, time) {
      const parameters = new URLSearchParams({ query, ...(time === undefined ? {} : { time: `${time}` }) });
      const answer = await fetch(`${prometheus}/api/v1/query?${parameters}`);
      return ((await answer.json()) as Instant).data.result;
    },
    stop: () => running.stop(),
  };
}
