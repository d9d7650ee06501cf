/** Running locally: the dashboard page's own small server. It hands out the page, and answers what the page's sections ask in one round. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { ReportFile } from '../contract/report.js';
import { SlipwayError } from '../errors.js';
import type { MonitoringPlan } from '../monitoring/plan.js';
import { prometheusAnswers, type Shown } from './dashboard/answers.js';
import { gridOf } from './dashboard/ask.js';
import { type Asset, jsonAsset, pageFiles } from './dashboard/assets.js';
import { modelAnswer, readiness } from './dashboard/model.js';
import { pagePlan } from './dashboard/page-plan.js';
import { pageRanges } from './dashboard/queries.js';
import type { PageOutcome, PageRound } from './page/shape.js';

export interface DashboardOptions {
  readonly plan: MonitoringPlan;
  /** Base URL of Prometheus, or null when there is none: then the page says `prometheusMissing`. */
  readonly prometheusUrl: string | null;
  /** In words, what to install. */
  readonly prometheusMissing?: string | undefined;
  /** Base URL of the endpoint. */
  readonly endpointUrl: string;
  /** Of the build; shown where the endpoint has none of its own. */
  readonly report: ReportFile | null;
  /** Body of a request that works. */
  readonly sample: object;
  /**
   * What one replica costs, USD an hour.
   *
   * @default null, nobody charges for it
   */
  readonly usdPerHour?: number | null | undefined;
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

const headers = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

function send(response: ServerResponse, status: number, asset: Asset): void {
  response.writeHead(status, { ...headers, 'Content-Type': asset.type }).end(asset.body);
}

const refusal = (error: string): Asset => jsonAsset({ error });

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

const NOT_RUNNING = 'Prometheus does not run, so there is nothing to draw.';

/** Answers a round: `range` is the place of a range in the plan, `of` the sections with commas between them. */
function makeRound(
  options: DashboardOptions,
): (search: URLSearchParams) => Promise<PageRound | { readonly refused: string }> {
  const { plan, endpointUrl, prometheusUrl, report, usdPerHour = null } = options;
  const ranges = pageRanges(plan);
  const answers = new Map<string, (shown: Shown) => Promise<unknown>>([
    ['ready', () => readiness(endpointUrl)],
    ['model', modelAnswer(plan, endpointUrl, report, prometheusUrl)],
    ...(prometheusUrl === null ? [] : Object.entries(prometheusAnswers(plan, prometheusUrl, usdPerHour))),
  ]);
  return async (search) => {
    const rangeIndex = Number(search.get('range') ?? '0');
    const range = ranges[rangeIndex];
    const asked = [...new Set((search.get('of') ?? '').split(','))];
    const unknown = asked.filter((id) => !answers.has(id));
    if (!range) return { refused: `range is 0 to ${ranges.length - 1}` };
    if (unknown.length > 0) return { refused: `of names sections: ${[...answers.keys()].join(', ')}` };
    const grid = gridOf(Date.now() / 1000, range.seconds, range.stepSeconds);
    const outcomes = await Promise.all(
      asked.map(async (id): Promise<readonly [string, PageOutcome<unknown>]> => {
        try {
          return [id, { ok: await answers.get(id)!({ rangeIndex, grid }) }];
        } catch (error) {
          return [id, { failed: error instanceof Error ? error.message : String(error) }];
        }
      }),
    );
    return { grid, outcomes: Object.fromEntries(outcomes) };
  };
}

/**
 * Serves the dashboard page on 127.0.0.1: the page, its plan, and rounds of answers. No query comes from the page.
 * A request by another host name is refused, so that no web page can reach it through a name of its own.
 *
 * @throws SlipwayError when the port is in use or the page is not built
 */
export async function startDashboard(options: DashboardOptions): Promise<RunningDashboard> {
  const { host = '127.0.0.1', plan, endpointUrl, prometheusUrl, prometheusMissing = NOT_RUNNING } = options;
  const missing = prometheusUrl === null ? prometheusMissing : null;
  const assets = new Map<string, Asset>([
    ...pageFiles(),
    ['/plan.json', jsonAsset(pagePlan({ plan, endpointUrl, missing }))],
    ['/sample.json', jsonAsset(options.sample)],
  ]);
  const round = makeRound(options);

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
    if (pathname !== '/round.json') return send(response, 404, refusal(`there is no ${pathname} here`));
    const answered = await round(new URLSearchParams(search));
    if ('refused' in answered) return send(response, 400, refusal(answered.refused));
    return send(response, 200, jsonAsset(answered));
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
