/** For load tests: one Prometheus that watches several endpoints from before they start, since it takes seconds until it looks for new ones. */

import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { startChild } from '../../../lib/local/child.js';
import type { MonitoringPlan } from '../../../lib/monitoring/plan.js';
import { prometheusConfig, prometheusRules } from '../../../lib/monitoring/prometheus-rules.js';
import { freePorts, untilReady } from './ports.js';
import type { Instant } from './slipway.js';

export interface WatchedEndpoints {
  /** Where the endpoint of a plan has to listen, by the plan's model. */
  readonly ports: Readonly<Record<string, number>>;
  /** Labels and value of each series of an instant query. */
  ask(query: string): Promise<Instant['data']['result']>;
  close(): Promise<void>;
}

/**
 * Starts Prometheus on 127.0.0.1 with the rules of every plan.
 *
 * @param prometheus - path of the program
 * @param folder - an existing one, for its data
 */
export async function watchEndpoints(
  prometheus: string,
  folder: string,
  plans: readonly MonitoringPlan[],
): Promise<WatchedEndpoints> {
  const home = mkdtempSync(join(folder, 'prometheus-'));
  const [own, ...ports] = await freePorts(plans.length + 1);
  mkdirSync(join(home, 'rules'));
  const scraped = plans.map((plan, index) => {
    writeFileSync(join(home, 'rules', `${plan.model}.yml`), prometheusRules(plan));
    return parse(prometheusConfig(plan, { target: `127.0.0.1:${ports[index]}`, rulesFile: 'rules/*.yml' })) as {
      readonly scrape_configs: readonly object[];
    };
  });
  const config = { ...scraped[0], scrape_configs: scraped.flatMap((each) => each.scrape_configs) };
  writeFileSync(join(home, 'prometheus.yml'), stringify(config));
  const url = `http://127.0.0.1:${own}`;
  const child = startChild(
    prometheus,
    [
      `--config.file=${join(home, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(home, 'data')}`,
      `--web.listen-address=127.0.0.1:${own}`,
      '--log.level=error',
    ],
    { env: { ...process.env, GOMAXPROCS: '1' }, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  await untilReady(url, child);
  return {
    ports: Object.fromEntries(plans.map(({ model }, index) => [model, ports[index]!])),
    async ask(query) {
      const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
      return ((await answer.json()) as Instant).data.result;
    },
    close: async () => {
      await child.stop();
    },
  };
}
