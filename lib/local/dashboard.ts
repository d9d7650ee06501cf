/** Running locally: the dashboard page's own small server. It hands out the page and passes four questions on to Prometheus. */

import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname, extname, join } from 'node:path';
import type { ReportFile } from '../contract/report.js';
import { SlipwayError } from '../errors.js';
import { loadCatalogue, metricOf } from '../monitoring/catalogue.js';
import type { Dashboard } from '../monitoring/dashboard.js';
import type { Objective } from '../monitoring/objectives.js';
import type { MonitoringPlan } from '../monitoring/plan.js';
import { prometheusScope, promql } from '../monitoring/queries/prometheus.js';
import type { SignalId } from '../monitoring/signals.js';
import { packageFile } from '../package-root.js';
import type { PageObjective, PagePanel, PagePlan, PageReady, PageReport, PageSeries } from './page/shape.js';

export interface DashboardOptions {
  readonly plan: MonitoringPlan;
  /** Base URL of Prometheus, or null when there is none: then the page says `prometheusMissing`. */
  readonly prometheusUrl: string | null;
  /** In words, what to install. */
  readonly prometheusMissing?: string | undefined;
  /** Base URL of the endpoint. */
  readonly endpointUrl: string;
  readonly report: ReportFile | null;
  /** Body of a request that works. */
  readonly sample: object;
  /** @default - a free one */
  readonly port?: number | undefined;
  /** @default '127.0.0.1' */
  readonly host?: '127.0.0.1' | undefined;
}

export interface RunningDashboard {
  /** Such as `http://127.0.0.1:41235`, without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

interface Asset {
  readonly type: string;
  readonly body: string | Buffer;
}

const PASSED_ON: ReadonlySet<string> = new Set([
  '/api/v1/query',
  '/api/v1/query_range',
  '/api/v1/rules',
  '/api/v1/alerts',
]);
const UPSTREAM_TIMEOUT_MS = 10_000;
const READY_TIMEOUT_MS = 2000;

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

const headers = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

/** What the compiler made of `page/`: beside this file in dist, and in dist too when this runs from the sources. */
function pageFiles(): ReadonlyMap<string, Asset> {
  const folder = __dirname.startsWith(packageFile('dist'))
    ? join(__dirname, 'page')
    : packageFile('dist', 'lib', 'local', 'page');
  const uplot = dirname(require.resolve('uplot'));
  try {
    const own = readdirSync(folder).filter((name) => extname(name) in types);
    const files = [
      ...own.map((name) => [name === 'index.html' ? '/' : `/${name}`, join(folder, name)] as const),
      ['/uplot/uPlot.esm.js', join(uplot, 'uPlot.esm.js')] as const,
      ['/uplot/uPlot.min.css', join(uplot, 'uPlot.min.css')] as const,
    ];
    return new Map(files.map(([path, file]) => [path, { type: types[extname(file)]!, body: readFileSync(file) }]));
  } catch (error) {
    throw new SlipwayError(`The dashboard page is not built (${(error as Error).message}). Run: npm run build`);
  }
}

const unitOf = (plan: MonitoringPlan, id: SignalId) => plan.signals[id].unit;

function queriesOf(plan: MonitoringPlan, id: SignalId): readonly string[] {
  const scope = prometheusScope(plan);
  return plan.dashboard.ranges.map(({ windowSeconds }) => promql(plan.signals[id].value, { scope, windowSeconds }));
}

/** By which label one query falls into several lines, and the label's values as the catalogue orders them. */
function splitOf(plan: MonitoringPlan, id: SignalId): Pick<PageSeries, 'split' | 'order'> {
  const { value } = plan.signals[id];
  const split = 'by' in value ? (value.by?.[0] ?? null) : null;
  if (!('metric' in value) || split === null) return { split, order: [] };
  return { split, order: metricOf(loadCatalogue(), value.metric).values[split] ?? [] };
}

function pagePanel(plan: MonitoringPlan, panel: Dashboard['panels'][number]): PagePanel {
  const series: PageSeries[] = panel.series.map(({ signal, role }) => {
    const parts = splitOf(plan, signal);
    // Parts of a whole go by their own names.
    const title = panel.form === 'stacked' && parts.split !== null ? '' : plan.signals[signal].title;
    return { title, role, ...parts, queries: queriesOf(plan, signal) };
  });
  const { id, title, help, width, form, threshold = null } = panel;
  return { id, title, help, width, form, unit: unitOf(plan, panel.series[0]!.signal), series, threshold };
}

function pageObjective(
  plan: MonitoringPlan,
  { id, title, periodSeconds, bad, total, target }: Objective,
): PageObjective {
  const budget = Number((1 - target).toPrecision(12));
  const options = { scope: prometheusScope(plan), windowSeconds: periodSeconds };
  return {
    id,
    title,
    periodDays: periodSeconds / 86_400,
    query: promql({ op: 'budgetLeft', bad, total, budget }, options),
  };
}

/** The plan as the page draws it: every query written out, one for each range. */
export function pagePlan(options: DashboardOptions): PagePlan {
  const { plan, endpointUrl, prometheusUrl, prometheusMissing } = options;
  const { dashboard } = plan;
  return {
    model: plan.model,
    endpoint: endpointUrl,
    infer: `${endpointUrl}/v2/models/${encodeURIComponent(plan.model)}/infer`,
    missing:
      prometheusUrl === null ? (prometheusMissing ?? 'Prometheus does not run, so there is nothing to draw.') : null,
    prometheus: prometheusUrl,
    ranges: dashboard.ranges.map(({ title, seconds, stepSeconds }) => ({ title, seconds, stepSeconds })),
    tiles: dashboard.tiles.map(({ id, title, signal }) => ({
      id,
      title,
      unit: unitOf(plan, signal),
      queries: queriesOf(plan, signal),
    })),
    panels: dashboard.panels.map((panel) => pagePanel(plan, panel)),
    objectives: plan.objectives.map((objective) => pageObjective(plan, objective)),
    alerts: plan.alerts.length,
    notes: plan.notes,
  };
}

function send(response: ServerResponse, status: number, asset: Asset): void {
  response.writeHead(status, { ...headers, 'Content-Type': asset.type }).end(asset.body);
}

const jsonAsset = (value: unknown): Asset => ({ type: 'application/json', body: JSON.stringify(value) });

/** In the form of Prometheus' own errors, so that the page shows both alike. */
const refusal = (error: string): Asset => jsonAsset({ status: 'error', errorType: 'dashboard', error });

async function passOn(base: string, pathAndSearch: string, response: ServerResponse): Promise<void> {
  try {
    const answer = await fetch(`${base}${pathAndSearch}`, { signal: AbortSignal.timeout(UPSTREAM_TIMEOUT_MS) });
    const body = Buffer.from(await answer.arrayBuffer());
    send(response, answer.status, { type: 'application/json', body });
  } catch (error) {
    const slow = error instanceof Error && error.name === 'TimeoutError';
    send(response, 502, refusal(slow ? 'Prometheus takes too long to answer' : 'Prometheus does not answer'));
  }
}

async function readiness(endpointUrl: string): Promise<PageReady> {
  try {
    const answer = await fetch(`${endpointUrl}/v2/health/ready`, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) });
    await answer.arrayBuffer();
    return { ready: answer.ok, detail: answer.ok ? 'ready' : `it answers with status ${answer.status}` };
  } catch {
    return { ready: false, detail: 'it does not answer' };
  }
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      reject(taken ? new SlipwayError(`Port ${port} is in use. Choose another for the dashboard`) : error);
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(address !== null && typeof address === 'object' ? address.port : port);
    });
  });
}

/**
 * Serves the dashboard page on 127.0.0.1: the page, its data, the endpoint's readiness, and four reading routes of Prometheus.
 * A request by another host name is refused, so that no web page can reach it through a name of its own.
 *
 * @throws SlipwayError when the port is in use or the page is not built
 */
export async function startDashboard(options: DashboardOptions): Promise<RunningDashboard> {
  const { host = '127.0.0.1', endpointUrl, prometheusUrl } = options;
  // The page is given the part of the report that it shows; this line is where the compiler checks that it is one.
  const report: PageReport | null = options.report;
  const assets = new Map<string, Asset>([
    ...pageFiles(),
    ['/plan.json', jsonAsset(pagePlan(options))],
    ['/report.json', jsonAsset(report)],
    ['/sample.json', jsonAsset(options.sample)],
  ]);

  const answer = async (request: IncomingMessage, response: ServerResponse, port: number): Promise<void> => {
    const names = [`${host}:${port}`, `localhost:${port}`];
    if (!names.includes(request.headers.host ?? '')) {
      return send(response, 403, refusal(`this page answers as ${names.join(' or ')} only`));
    }
    if (request.method !== 'GET') {
      response.setHeader('Allow', 'GET');
      return send(response, 405, refusal('only GET is answered here'));
    }
    // Taken as it came: a parser of URLs would read //name/path as another host.
    const [, pathname = '/', search = ''] = /^([^?]*)(.*)$/s.exec(request.url ?? '/') ?? [];
    const asset = assets.get(pathname);
    if (asset) return send(response, 200, asset);
    if (pathname === '/ready.json') return send(response, 200, jsonAsset(await readiness(endpointUrl)));
    if (!PASSED_ON.has(pathname)) return send(response, 404, refusal(`there is no ${pathname} here`));
    if (prometheusUrl === null)
      return send(response, 503, refusal(options.prometheusMissing ?? 'Prometheus does not run'));
    return passOn(prometheusUrl, `${pathname}${search}`, response);
  };

  let port = 0;
  const server = createServer((request, response) => {
    answer(request, response, port).catch(() => {
      if (!response.headersSent) send(response, 400, refusal('the request cannot be read'));
    });
  });
  port = await listen(server, options.port ?? 0, host);
  return {
    url: `http://${host}:${port}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
