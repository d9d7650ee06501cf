/** Runs a plan on this machine: optimized model, server, Prometheus, dashboard page. One call up, one call down. */

import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { ReportFile } from '../contract/report.js';
import { SlipwayError } from '../errors.js';
import type { EndpointPlan } from '../plan.js';
import { cacheDir, scratchFolder } from './cache.js';
import { startDashboard } from './dashboard.js';
import { withHookPackages } from './hook-packages.js';
import { type OptimizedModel, optimizeCached, optimizeInto, type Progress } from './optimizer.js';
import { bar } from './progress-bar.js';
import { findPrometheus, startPrometheus } from './prometheus.js';
import { pythonEnvironment } from './python.js';
import { type SampleRequest, sampleRequest } from './sample.js';
import { startServer } from './server.js';

export interface LocalOptions {
  /**
   * Port of the endpoint; 0 takes any free one.
   *
   * @default 8080
   */
  readonly port?: number;
  /**
   * Start Prometheus and the dashboard page.
   *
   * @default true
   */
  readonly monitoring?: boolean;
  /**
   * Reuse and keep optimized models.
   *
   * @default true
   */
  readonly cache?: boolean;
  /**
   * Addresses of Alertmanagers that are told what fires, `http://host:port`.
   *
   * @default - alerts are in Prometheus and on the page alone
   */
  readonly alertmanagers?: readonly string[] | undefined;
  /**
   * Folder into which the server writes stage timings, traffic, latency and drift as TensorBoard's files.
   *
   * @default - none is written
   */
  readonly tensorboard?: string | undefined;
  /**
   * Takes the log lines of the server, and what happens to Prometheus.
   *
   * @default - they are dropped
   */
  readonly onLog?: (line: string) => void;
  /**
   * Stops whatever is being done; what was started by then is stopped too. Once the endpoint runs, `stop` ends it.
   *
   * @default - none
   */
  readonly signal?: AbortSignal;
}

/** Shows people what is being done. `detail` replaces the line below the title. */
export type Observer = <T>(title: string, work: (detail: (text: string) => void) => Promise<T>) => Promise<T>;

export interface LocalEndpoint {
  /** Base URL. */
  readonly endpoint: string;
  /** URL that inference requests are posted to. */
  readonly infer: string;
  readonly dashboard: string | null;
  readonly prometheus: string | null;
  /** What to install when monitoring was asked for and there is no Prometheus. */
  readonly missing: string | null;
  readonly report: ReportFile;
  readonly sample: SampleRequest;
  /** Folder of the optimized model. */
  readonly folder: string;
  /** Whether the optimized model was there already. */
  readonly cached: boolean;
  /** Settles when the server ends by itself, with a sentence about it; never once `stop` is called. */
  readonly broken: Promise<string>;
  stop(): Promise<void>;
}

type Undo = () => unknown;

const host = '127.0.0.1';

/** Finds a taken port before minutes are spent on the model. */
async function refuseTakenPort(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const cause =
        error.code === 'EADDRINUSE'
          ? 'is in use. Choose another with --port, or --port 0 for any free one'
          : `cannot be used (${error.code}). Choose another with --port, from 1024 to 65535`;
      reject(new SlipwayError(`Port ${port} ${cause}.`));
    });
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

/** A folder that goes when the endpoint stops. */
function temporaryFolder(undo: Undo[]): string {
  const folder = scratchFolder();
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Runs a plan here. When it throws or is aborted, nothing that it started is left.
 *
 * @throws SlipwayError when the port is taken, the gate fails, or a part cannot start
 */
export async function runLocally(
  plan: EndpointPlan,
  options: LocalOptions = {},
  observe: Observer = (_title, work) => work(() => undefined),
): Promise<LocalEndpoint> {
  const { signal, cache = true, monitoring = true, port = 8080 } = options;
  const undo: Undo[] = [];
  let stopping = false;
  const stop = async () => {
    stopping = true;
    const failures: unknown[] = [];
    for (let step = undo.pop(); step; step = undo.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  try {
    await refuseTakenPort(port);
    const environment = await observe('Python environment', (detail) =>
      pythonEnvironment('optimizer', { log: detail, ...(signal && { signal }) }),
    );

    const model = await observe<OptimizedModel>(`Optimizing ${plan.name} for this CPU`, async (detail) => {
      const request = {
        environment,
        signal,
        resume: cache,
        onProgress: (progress: Progress) => detail(bar(progress)),
      };
      if (cache) return optimizeCached(plan, request);
      const folder = temporaryFolder(undo);
      return { folder, report: await optimizeInto(folder, plan, request), cached: false };
    });

    const sample = sampleRequest(plan);
    const server = await observe('Starting the server', async (detail) =>
      startServer({
        environment: await withHookPackages(environment, plan.files.requirements, { log: detail, signal }),
        serving: join(model.folder, 'serving.json'),
        host,
        port,
        tensorboard: options.tensorboard,
        onLog: options.onLog,
        signal,
      }),
    );
    undo.push(() => server.child.stop());

    const watched = monitoring
      ? await observe('Starting Prometheus and the dashboard', async (detail) => {
          const found = await findPrometheus(cacheDir(), detail, signal);
          signal?.throwIfAborted();
          const prometheus =
            'missing' in found
              ? found
              : await startPrometheus({
                  binaries: found,
                  dir: temporaryFolder(undo),
                  target: new URL(server.url).host,
                  plan: plan.monitoring,
                  alertmanagers: options.alertmanagers,
                  signal,
                }).catch((error: unknown) => {
                  if (!(error instanceof SlipwayError)) throw error;
                  return { missing: error.message };
                });
          if (!('missing' in prometheus)) undo.push(() => prometheus.close());
          signal?.throwIfAborted();
          const dashboard = await startDashboard({
            plan: plan.monitoring,
            prometheusUrl: 'missing' in prometheus ? null : prometheus.url,
            ...('missing' in prometheus && { prometheusMissing: prometheus.missing }),
            endpointUrl: server.url,
            report: model.report,
            sample: sample.body,
          });
          undo.push(() => dashboard.close());
          if ('missing' in prometheus) {
            return { dashboard: dashboard.url, prometheus: null, missing: prometheus.missing };
          }
          void prometheus.child.ended.then((code) => {
            if (stopping) return;
            options.onLog?.(`Prometheus ended by itself with code ${code}. The endpoint goes on without it.`);
          });
          return { dashboard: dashboard.url, prometheus: prometheus.url, missing: null };
        })
      : { dashboard: null, prometheus: null, missing: null };
    signal?.throwIfAborted();

    const broken = new Promise<string>((resolve) => {
      void server.child.ended.then((code) => {
        if (!stopping) resolve(`The server ended by itself with code ${code}.`);
      });
    });
    return {
      endpoint: server.url,
      infer: `${server.url}/v2/models/${plan.name}/infer`,
      dashboard: watched.dashboard,
      prometheus: watched.prometheus,
      missing: watched.missing,
      report: model.report,
      sample,
      folder: model.folder,
      cached: model.cached,
      broken,
      stop,
    };
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}
