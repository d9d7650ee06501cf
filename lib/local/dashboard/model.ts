/** The dashboard page's server: asks the endpoint itself, which answers whether or not there is a Prometheus. */

import type { ReportFile } from '../../contract/report.js';
import type { MonitoringPlan } from '../../monitoring/plan.js';
import type { PageModel, PageReady, PageReport, PageTensor } from '../page/shape.js';
import { askNow, askOne } from './ask.js';
import { modelQueries } from './queries.js';

const READY_TIMEOUT_MS = 2000;
const REPORT_TIMEOUT_MS = 5000;

export async function readiness(endpointUrl: string): Promise<PageReady> {
  try {
    const answer = await fetch(`${endpointUrl}/v2/health/ready`, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) });
    await answer.arrayBuffer();
    return { ready: answer.ok, detail: answer.ok ? 'ready' : `it answers with status ${answer.status}` };
  } catch {
    return { ready: false, detail: 'it does not answer' };
  }
}

/** The JSON of a route of the endpoint; null where it has none, or does not answer. */
async function said<Value>(url: string): Promise<Value | null> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(REPORT_TIMEOUT_MS) });
    return answer.ok ? ((await answer.json()) as Value) : null;
  } catch {
    return null;
  }
}

/** The part of a report that the page shows; this is where the compiler checks that there is one. */
export function pageReport(report: ReportFile): PageReport {
  const { verdict, model, data, host, reference, candidates, winner, session, canaries, drift, warnings } = report;
  return {
    verdict,
    model,
    data,
    host,
    reference,
    candidates: candidates.map(({ name, status, reasons, bytes, latencyMs, speedup, fidelity, accuracy }) => ({
      ...{ name, status, reasons, bytes, latencyMs, speedup, fidelity, accuracy },
    })),
    winner,
    session,
    canaries,
    ...(drift && { drift: { reason: drift.reason } }),
    warnings,
  };
}

interface Metadata {
  readonly inputs?: readonly { readonly name: string; readonly datatype: string; readonly shape: readonly number[] }[];
  readonly outputs?: Metadata['inputs'];
}

const tensors = (given: Metadata['inputs'] = []): readonly PageTensor[] =>
  given.map(({ name, datatype, shape }) => ({ name, dtype: datatype, shape: shape.map((n) => (n < 0 ? null : n)) }));

/**
 * What is served now: the endpoint's own report, its metadata, and what it found at start.
 *
 * @param given - the report of the build, for an endpoint that has none or does not answer
 * @param prometheusUrl - null where there is none; then what was found at start is not known
 */
export function modelAnswer(
  plan: MonitoringPlan,
  endpointUrl: string,
  given: ReportFile | null,
  prometheusUrl: string | null,
): () => Promise<PageModel> {
  const queries = modelQueries(plan);
  const none = async () => null;
  const read = prometheusUrl === null ? none : (query: string) => askOne(prometheusUrl, query).catch(none);
  const labels = async (): Promise<Readonly<Record<string, string>>> => {
    if (prometheusUrl === null) return {};
    return (await askNow(prometheusUrl, queries.served).catch(() => []))[0]?.labels ?? {};
  };
  return async () => {
    const [own, metadata, served, canaryDb, startSpeedup] = await Promise.all([
      said<ReportFile>(`${endpointUrl}/report`),
      said<Metadata>(`${endpointUrl}/v2/models/${encodeURIComponent(plan.model)}`),
      labels(),
      read(queries.canary),
      read(queries.startSpeedup),
    ]);
    const report = own?.schemaVersion === 1 ? own : given;
    return {
      report: report && pageReport(report),
      live: metadata !== null,
      inputs: tensors(metadata?.inputs),
      outputs: tensors(metadata?.outputs),
      ...{ served, canaryDb, startSpeedup },
    };
  };
}
