/** Monitoring, the room's result: everything to watch about one endpoint, as plain data. No backend's query language is in it. */

import { type Problem, ProblemsError } from '../errors.js';
import { type Alert, planAlerts } from './alerts.js';
import { type AskedBottleneck, type BottleneckPlan, bottleneckProblems, planBottleneck } from './bottleneck-plan.js';
import { loadCatalogue } from './catalogue.js';
import { type Dashboard, planDashboard } from './dashboard.js';
import { type AskedDrift, type DriftPlan, driftProblems, planDrift } from './drift.js';
import { type AskedSlo, type Objective, planObjectives, sloProblems } from './objectives.js';
import { type Signal, type SignalId, signals } from './signals.js';

export interface MonitoringPlan {
  /** The model's name, as in its routes. */
  readonly model: string;
  /** Time between two readings of the metrics, whole seconds. */
  readonly scrapeSeconds: number;
  readonly objectives: readonly Objective[];
  readonly signals: Readonly<Record<SignalId, Signal>>;
  readonly alerts: readonly Alert[];
  readonly dashboard: Dashboard;
  /** Over which time it is found what limits the endpoint. */
  readonly bottleneck: BottleneckPlan;
  /** When answers and inputs have parted from the samples; null where nobody wants to know. */
  readonly drift: DriftPlan | null;
  /** What could not be watched exactly as asked, in words. */
  readonly notes: readonly string[];
}

export interface MonitoringRequest {
  /** The model's name, not empty. */
  readonly model: string;
  /**
   * What the endpoint promises.
   *
   * @default - availability of 99.9 % over 30 days
   */
  readonly slo?: AskedSlo;
  /**
   * When to tell that answers and inputs have parted from the samples.
   *
   * @default - PSI above 0.2 over a day, from 500 rows on
   */
  readonly drift?: AskedDrift | undefined;
  /**
   * Over which time it is found what limits the endpoint.
   *
   * @default - 20 readings, 60 seconds at least; 6 hours for a machine that is too large
   */
  readonly bottleneck?: AskedBottleneck | undefined;
  /**
   * Time between two readings of the metrics, whole seconds, 1 to 60. The shortest alert window is 5 minutes.
   *
   * @default 15
   */
  readonly scrapeSeconds?: number;
}

const DEFAULT_SCRAPE_SECONDS = 15;

/** Everything wrong with a request; empty when it can be planned. */
export function monitoringProblems(request: MonitoringRequest): readonly Problem[] {
  const { model, slo = {}, scrapeSeconds = DEFAULT_SCRAPE_SECONDS } = request;
  const own: (Problem | undefined)[] = [
    model.length > 0 ? undefined : { where: 'model', what: 'the name is empty. Give the name that the routes use' },
    Number.isInteger(scrapeSeconds) && scrapeSeconds >= 1 && scrapeSeconds <= 60
      ? undefined
      : { where: 'monitoring.scrapeSeconds', what: `${scrapeSeconds} is not a whole number from 1 to 60` },
  ];
  return [
    ...own.filter((problem) => problem !== undefined),
    ...sloProblems(slo, loadCatalogue()),
    ...driftProblems(request.drift),
    ...bottleneckProblems(request.bottleneck, scrapeSeconds),
  ];
}

/**
 * Plans the monitoring of one endpoint: signals, objectives, alerts and the dashboard.
 *
 * The same request gives the same plan, byte for byte.
 *
 * @throws ProblemsError with every problem of the request
 */
export function planMonitoring(request: MonitoringRequest): MonitoringPlan {
  const problems = monitoringProblems(request);
  if (problems.length > 0) throw new ProblemsError(`Monitoring of '${request.model}' cannot be planned`, problems);
  const { model, slo = {}, scrapeSeconds = DEFAULT_SCRAPE_SECONDS } = request;
  const objectives = planObjectives(slo, loadCatalogue());
  return {
    model,
    scrapeSeconds,
    objectives,
    signals,
    alerts: planAlerts(objectives),
    dashboard: planDashboard(scrapeSeconds, slo.p99Ms),
    bottleneck: planBottleneck(request.bottleneck, scrapeSeconds),
    drift: planDrift(request.drift),
    notes: objectives.flatMap(({ id, notes }) => notes.map((note) => `${id}: ${note}`)),
  };
}
