/** For the tests of the rules: made-up series, what should come of them, and promtool that compares the two. */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { type MonitoringPlan, planMonitoring } from '../../../lib/monitoring/plan.js';
import { prometheusRules } from '../../../lib/monitoring/prometheus-rules.js';

export const plan = planMonitoring({ model: 'fraud', slo: { availability: 99.9, p99Ms: 50 }, scrapeSeconds: 15 });

/** Where promtool is, and the folder it works in. */
export interface Bench {
  readonly promtool: string;
  readonly folder: string;
}

/** What promtool says, and whether it was content. */
export function promtool(
  { promtool, folder }: Bench,
  ...args: readonly string[]
): { readonly ok: boolean; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(promtool, args, { cwd: folder, encoding: 'utf8' });
  return { ok: status === 0, output: `${stdout}${stderr}` };
}

const tested = ['objectives steps', 'objectives quick', 'objectives slow', 'alerts', 'drift steps', 'drift'];
const groupOrder = tested.map((name) => `slipway ${plan.model} ${name}`);

/** The rule file with some groups alone: promtool evaluates every rule at every step, however many steps a case has. */
export function rulesOf(...groups: readonly string[]): string {
  const all = parse(prometheusRules(plan)) as { readonly groups: readonly { readonly name: string }[] };
  const names = groups.map((name) => `slipway ${plan.model} ${name}`);
  return stringify({ groups: all.groups.filter(({ name }) => names.includes(name)) });
}

export const JOB = 'job="slipway-fraud"';
export const answered = (code: string): string => `onnx_requests_total{${JOB}, model="fraud", code="${code}"}`;
export const http = (suffix: string, extra = ''): string =>
  `http_server_request_duration_seconds_${suffix}{${JOB}, http_request_method="POST", http_route="infer", http_response_status_code="200"${extra}}`;
export const server = (name: string): string => `${name}{${JOB}, instance="127.0.0.1:8080", model="fraud"}`;
export const machine = (name: string): string => `${name}{${JOB}, instance="127.0.0.1:8080"}`;

export interface Expected {
  readonly alert: string;
  /** Minutes after the start. */
  readonly at: number;
  /** How `description` ends while it fires; null: it does not fire. */
  readonly now: string | null;
}

export interface Case {
  /** Minutes between two readings and between two evaluations. */
  readonly every: number;
  /** Values over time in promtool's notation, by series. */
  readonly series: Readonly<Record<string, string>>;
  readonly alerts?: readonly Expected[];
  /** Value of a recorded series at a minute, to four places. */
  readonly values?: readonly (readonly [record: string, at: number, value: number])[];
}

/** What an alert that fires has to carry. */
function firing(of: MonitoringPlan, name: string, now: string): object {
  const { severity, summary, meaning, action } = of.alerts.find((alert) => alert.name === name)!;
  return {
    exp_labels: { job: `slipway-${of.model}`, model: of.model, severity },
    exp_annotations: { summary: `${of.model}: ${summary}`, description: `${meaning}${now}`, action },
  };
}

/** Runs one case through `promtool test rules`; the output is empty when all is as expected. */
export function run(bench: Bench, { every, series, alerts = [], values = [] }: Case): string {
  writeFileSync(join(bench.folder, 'rules.yml'), rulesOf(...tested));
  const steps = {
    rule_files: ['rules.yml'],
    evaluation_interval: `${every}m`,
    // Else promtool shuffles them, and an alert may see what was recorded one step before.
    group_eval_order: groupOrder,
    tests: [
      {
        interval: `${every}m`,
        input_series: Object.entries(series).map(([name, samples]) => ({ series: name, values: samples })),
        alert_rule_test: alerts.map(({ alert, at, now }) => ({
          eval_time: `${at}m`,
          alertname: alert,
          exp_alerts: now === null ? [] : [firing(plan, alert, now)],
        })),
        promql_expr_test: values.map(([record, at, value]) => ({
          expr: `round(${record}{${JOB}}, 0.0001)`,
          eval_time: `${at}m`,
          exp_samples: [{ labels: `{${JOB}}`, value }],
        })),
      },
    ],
  };
  writeFileSync(join(bench.folder, 'cases.yml'), stringify(steps));
  const { ok, output } = promtool(bench, 'test', 'rules', 'cases.yml');
  return ok ? '' : output;
}

/** Of 10 000 requests in every interval, `bad` go wrong from interval `calm` on, for `trouble` intervals. Then none do. */
export function traffic(
  objective: 'availability' | 'latency',
  bad: number,
  calm: number,
  trouble: number,
  after = 0,
): Case['series'] {
  const total = 10_000;
  const rising = (step: (troubled: boolean) => number): string => {
    const [a, b, c] = [step(false) * calm, step(true) * trouble, step(false)];
    const parts = [
      `0+${step(false)}x${calm}`,
      ...(trouble > 0 ? [`${a + step(true)}+${step(true)}x${trouble - 1}`] : []),
      ...(after > 0 ? [`${a + b + c}+${c}x${after - 1}`] : []),
    ];
    return parts.join(' ');
  };
  return objective === 'availability'
    ? {
        [answered('200')]: rising((troubled) => total - (troubled ? bad : 0)),
        [answered('500')]: rising((troubled) => (troubled ? bad : 0)),
      }
    : {
        [http('count')]: rising(() => total),
        [http('bucket', ', le="0.05"')]: rising((troubled) => total - (troubled ? bad : 0)),
        [http('bucket', ', le="0.075"')]: rising(() => total),
        [http('bucket', ', le="+Inf"')]: rising(() => total),
      };
}
