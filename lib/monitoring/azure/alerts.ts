/** Monitoring, the emitter for Azure Monitor: alerts on metrics and on the log of requests, as data; the dashboard is in azure-dashboard.ts. */

import { type Alert, burnAlertName, type Comparison } from '../alerts.js';
import type { Objective } from '../objectives.js';
import type { MonitoringPlan } from '../plan.js';
import { azureValue } from '../queries/azure.js';
import { trafficAlert } from '../queries/traffic-log.js';
import { RUNG_FACTOR, shareLadder } from '../share-ladder.js';
import { idleRule, platformRules } from './platform-rules.js';
import {
  type AzureCondition,
  type AzureLogRule,
  type AzureMetricRule,
  type AzureMonitoring,
  type AzureWatched,
  azureSeverity,
  azureWindow,
} from './rules.js';

/** How far back a query on a log may look, for a window of it: rows that arrive late are older than the window. */
const logWindows: Readonly<Record<number, readonly [windowSize: string, range: string, every: string]>> = {
  3600: ['PT1H', 'PT2H', 'PT5M'],
  21600: ['PT6H', 'P1D', 'PT15M'],
  86400: ['P1D', 'P2D', 'PT30M'],
};

const operators = { '>': 'GreaterThan', '>=': 'GreaterThanOrEqual', '==': 'Equals' } as const;

const textOf = ({ summary, meaning, action }: Alert): string => `${summary}. ${meaning} ${action}`;

function logRule(alert: Alert, { log }: AzureWatched): AzureLogRule | null {
  const query = log && trafficAlert(alert.when, log);
  const window = logWindows[Math.max(...alert.when.map(({ windowSeconds }) => windowSeconds))];
  if (!query || !window) return null;
  const [windowSize, queryTimeRange, evaluationFrequency] = window;
  return {
    kind: 'log',
    name: alert.name,
    severity: azureSeverity(alert.severity),
    description: textOf(alert),
    ...{ query, queryTimeRange, windowSize, evaluationFrequency },
  };
}

function conditionOf({ value, is, than }: Comparison, { platform, machine }: AzureWatched): AzureCondition | null {
  const said = azureValue(value, platform, machine);
  if (said?.kind !== 'sum' || said.metrics.length !== 1) return null;
  return { metric: said.metrics[0]!, is: operators[is], than: Math.round(than / said.times) };
}

/** Alerts with a window each cannot be told from metrics: a rule has one window. */
function metricRule(alert: Alert, watched: AzureWatched): AzureMetricRule | null {
  const [only, ...more] = alert.when;
  const condition = only && more.length === 0 ? conditionOf(only, watched) : null;
  if (!condition || (watched.toZero && only!.value.op === 'reachable')) return null;
  return {
    kind: 'metric',
    name: alert.name,
    severity: azureSeverity(alert.severity),
    description: textOf(alert),
    windowSize: azureWindow(Math.max(300, alert.forSeconds)),
    evaluationFrequency: 'PT1M',
    all: [condition],
  };
}

/** On counts alone: the quickest window that wakes someone, and the quickest for a working day. */
function ladderRules(plan: MonitoringPlan, objective: Objective, watched: AzureWatched): AzureMetricRule[] {
  const { platform, machine, mostPerSecond } = watched;
  const [bad, total] = [objective.bad, objective.total].map((value) => azureValue(value, platform, machine));
  if (bad?.kind !== 'sum' || total?.kind !== 'sum') return [];
  const burns = (['page', 'ticket'] as const).flatMap(
    (severity) => objective.burn.find((burn) => burn.severity === severity && burn.longSeconds <= 86_400) ?? [],
  );
  return burns.flatMap((burn) => {
    const name = burnAlertName(objective, burn);
    const alert = plan.alerts.find((each) => each.name === name)!;
    const rungs = shareLadder(burn.badShare, mostPerSecond * burn.longSeconds);
    return rungs.map(({ bad: least, above, upTo }): AzureMetricRule => {
      const [counted] = total.metrics;
      const traffic = upTo === null ? `more than ${above}` : `${above + 1} to ${upTo}`;
      return {
        kind: 'metric',
        name: `${name}${upTo === null ? `Above${above}` : `UpTo${upTo}`}`,
        severity: azureSeverity(burn.severity),
        description: `${textOf(alert)} Told by counts: at least ${least} bad ones among ${traffic} requests.`,
        windowSize: azureWindow(burn.longSeconds),
        evaluationFrequency: burn.longSeconds > 3600 ? 'PT30M' : 'PT5M',
        all: [
          { metric: bad.metrics[0]!, is: 'GreaterThanOrEqual', than: least },
          ...(above > 0 ? [{ metric: counted!, is: 'GreaterThan', than: above } as const] : []),
          ...(upTo === null ? [] : [{ metric: counted!, is: 'LessThanOrEqual', than: upTo } as const]),
        ],
      };
    });
  });
}

const isBurn = (plan: MonitoringPlan, { name }: Alert): boolean =>
  plan.objectives.some((objective) => objective.burn.some((burn) => burnAlertName(objective, burn) === name));

/** Why an alert of the plan has no rule. */
function whyNot(plan: MonitoringPlan, alert: Alert, { platform, log, toZero }: AzureWatched): string {
  if (alert.name === 'EndpointDown' && toZero) return 'the endpoint scales to zero, where nothing running is no fault';
  if (!isBurn(plan, alert)) return 'Azure publishes no metric for it';
  if (platform === 'azure-container-apps') {
    return alert.name.startsWith('Latency')
      ? 'Azure publishes the mean of the response times and no distribution of them'
      : `an alert on metrics has one window and cannot divide; counts are watched over the quickest page and the quickest ticket, and tell a share at the latest at ${RUNG_FACTOR} times the one asked for`;
  }
  return log
    ? 'an alert on a log looks back two days at most'
    : 'it needs the log of requests in a Log Analytics workspace';
}

/** One note for each reason. */
function notesOn(plan: MonitoringPlan, missing: readonly Alert[], watched: AzureWatched): string[] {
  const reasons = new Set(missing.map((alert) => whyNot(plan, alert, watched)));
  return [...reasons].map((why) => {
    const names = missing.filter((alert) => whyNot(plan, alert, watched) === why).map(({ name }) => name);
    return `no alert ${names.join(', ')}: ${why}`;
  });
}

/** Alerts of a plan for an endpoint, and what cannot be watched. Deterministic. */
export function azureMonitoring(plan: MonitoringPlan, watched: AzureWatched): AzureMonitoring {
  const told = plan.alerts.map((alert) => logRule(alert, watched) ?? metricRule(alert, watched));
  const ladders = plan.objectives.flatMap((objective) => ladderRules(plan, objective, watched));
  const missing = plan.alerts.filter(
    ({ name }, index) => told[index] === null && !ladders.some((rule) => rule.name.startsWith(name)),
  );
  const idle = idleRule(watched);
  return {
    rules: [...told.filter((rule) => rule !== null), ...ladders, ...platformRules(plan, watched), ...idle.rules],
    notes: [...notesOn(plan, missing, watched), ...idle.notes],
  };
}
