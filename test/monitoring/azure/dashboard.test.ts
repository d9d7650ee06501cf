import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { azureDashboard } from '../../../lib/monitoring/azure/dashboard.js';
import type { AzureShown } from '../../../lib/monitoring/azure/shown.js';
import { planMonitoring } from '../../../lib/monitoring/plan.js';
import { azureNamespaces } from '../../../lib/monitoring/queries/azure.js';
import { packageFile } from '../../../lib/package-root.js';
import { kustoFaults, kustoStrings } from '../kusto.js';

interface Target {
  readonly refId: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly queryType: string;
  readonly azureMonitor?: {
    readonly resources: readonly {
      readonly subscription: string;
      readonly resourceGroup: string;
      readonly resourceName: string;
      readonly metricNamespace: string;
      readonly region: string;
    }[];
    readonly metricNamespace: string;
    readonly metricName: string;
    readonly aggregation: string;
    readonly timeGrain: string;
    readonly dimensionFilters: readonly {
      readonly dimension: string;
      readonly operator: string;
      readonly filters: readonly string[];
    }[];
    readonly alias: string;
  };
  readonly azureLogAnalytics?: { readonly query: string; readonly resources: readonly string[] };
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly Target[];
  readonly transformations?: readonly { readonly id: string; readonly options: Readonly<Record<string, unknown>> }[];
  readonly options: { readonly content?: string };
  readonly fieldConfig: {
    readonly defaults: {
      readonly unit?: string;
      readonly max?: number;
      readonly thresholds?: { readonly steps: readonly { readonly value: number | null }[] };
      readonly custom: { readonly stacking?: { readonly mode: string } };
    };
  };
}

interface Grafana {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly type: string; readonly name: string; readonly query: string }[];
  };
}

const group = '/subscriptions/0-1/resourceGroups/shop/providers';
const endpointId = `${group}/Microsoft.MachineLearningServices/workspaces/shop-ml/onlineEndpoints/digits`;
const appId = `${group}/Microsoft.App/containerApps/digits`;
const workspaceId = `${group}/Microsoft.OperationalInsights/workspaces/logs`;
const machine = { processors: 4, memoryBytes: 16 * 2 ** 30 };

const instances = (role: string) => ({
  ...{ name: role, id: `${endpointId}/deployments/${role}-1`, machine, accelerated: true, usdPerHour: 0.526 },
});
const endpoint: AzureShown = {
  ...{ platform: 'azure-ml', id: endpointId, location: 'westeurope', notes: ['no alert X: it cannot be'] },
  instances: [instances('main'), instances('green')],
  log: { workspace: 'shop-ml', endpoint: 'digits', workspaceId },
};
const app: AzureShown = {
  ...{ platform: 'azure-container-apps', id: appId, location: 'westeurope', notes: [], log: null },
  instances: [{ name: 'app', id: appId, machine, accelerated: false, usdPerHour: 0.5 }],
};
const unlogged: AzureShown = { ...endpoint, log: null, instances: [{ ...instances('main'), usdPerHour: null }] };

const plan = planMonitoring({ model: 'digits', slo: { p99Ms: 100 } });
const drawn = (shown: AzureShown): Grafana => JSON.parse(azureDashboard(plan, shown)) as Grafana;
const panel = (shown: AzureShown, title: string, type = 'timeseries'): Panel =>
  drawn(shown).panels.find((each) => each.title === title && each.type === type)!;
const source = { type: 'grafana-azure-monitor-datasource', uid: `\${source}` };

const catalogue = ['azure-ml', 'container-apps'].flatMap(
  (file) =>
    JSON.parse(readFileSync(packageFile('data', 'metrics', `${file}.json`), 'utf8')) as {
      readonly namespace: string;
      readonly name: string;
      readonly aggregations: readonly string[];
      readonly dimensions: readonly string[];
    }[],
);

describe.each([
  ['endpoint', endpoint],
  ['endpoint without a log', unlogged],
  ['container app', app],
] as const)('a dashboard of an %s', (_, shown) => {
  const { panels, templating } = drawn(shown);

  test('is the same text for the same plan', () => {
    expect(azureDashboard(plan, shown)).toBe(azureDashboard(plan, shown));
  });

  test('asks for Azure’s data source alone', () => {
    expect(templating.list).toEqual([
      expect.objectContaining({ type: 'datasource', name: 'source', query: source.type }),
    ]);
  });

  test('has panels with a number of their own, a title, a unit, a source and queries', () => {
    expect(panels.map(({ id }) => id)).toEqual(panels.map((_panel, index) => index + 1));
    const charts = panels.filter(({ type }) => type !== 'text');
    expect(charts.length).toBeGreaterThan(8);
    for (const { title, description, datasource, targets, fieldConfig } of charts) {
      expect(title).not.toBe('');
      expect(description, title).toBeTruthy();
      expect(datasource, title).toEqual(source);
      expect(fieldConfig.defaults.unit, title).toBeTruthy();
      expect(targets!.length, title).toBeGreaterThan(0);
      expect(new Set(targets!.map(({ refId }) => refId)).size, title).toBe(targets!.length);
      for (const target of targets!) expect(target.datasource).toEqual(source);
    }
  });

  test('lies within 24 columns, and no panel on another', () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_cell, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });

  test('reads only metrics, aggregations and dimensions that Azure publishes', () => {
    const queries = panels.flatMap(({ targets = [] }) => targets.flatMap(({ azureMonitor }) => azureMonitor ?? []));
    expect(queries.length).toBeGreaterThan(10);
    for (const { metricNamespace, metricName, aggregation, dimensionFilters } of queries) {
      const entry = catalogue.find((one) => one.namespace === metricNamespace && one.name === metricName);
      expect(entry, metricName).toBeDefined();
      expect(entry!.aggregations).toContain(aggregation);
      for (const { dimension } of dimensionFilters) expect(entry!.dimensions, metricName).toContain(dimension);
    }
  });

  test('computes with names of series that are there', () => {
    for (const { title, targets = [], transformations = [] } of panels) {
      const there = new Set(targets.map(({ azureMonitor }) => azureMonitor?.alias ?? ''));
      for (const { id, options } of transformations) {
        if (id !== 'calculateField') continue;
        const { left, right } = (options.binary ?? {}) as { left?: string; right?: string };
        if (left !== undefined) expect(there, title).toContain(left);
        if (right !== undefined && Number.isNaN(Number(right))) expect(there, title).toContain(right);
        there.add(options.alias as string);
      }
    }
  });

  test('says what is not shown', () => {
    const { options } = panels.at(-1)!;
    expect(options.content).toContain('Azure reads no `/metrics`');
    for (const note of shown.notes) expect(options.content).toContain(`- ${note}`);
  });
});

describe('of an endpoint', () => {
  test('asks each deployment for its machines, and the endpoint for its requests', () => {
    expect(panel(endpoint, 'CPU').targets!.map(({ azureMonitor }) => azureMonitor!.resources)).toEqual([
      [expect.objectContaining({ resourceName: 'shop-ml/digits/main-1', region: 'westeurope' })],
      [expect.objectContaining({ resourceName: 'shop-ml/digits/green-1' })],
    ]);
    expect(panel(endpoint, 'Latency').targets![2]).toEqual({
      refId: 'C',
      datasource: source,
      queryType: 'Azure Monitor',
      subscription: '0-1',
      azureMonitor: {
        resources: [
          {
            ...{ subscription: '0-1', resourceGroup: 'shop', resourceName: 'shop-ml/digits', region: 'westeurope' },
            metricNamespace: azureNamespaces.endpoint,
          },
        ],
        metricNamespace: azureNamespaces.endpoint,
        ...{ metricName: 'RequestLatency_P99', aggregation: 'Average', timeGrain: 'PT1M' },
        dimensionFilters: [{ dimension: 'deployment', operator: 'eq', filters: [] }],
        alias: 'p99 {{deployment}}',
      },
    });
  });

  test('marks the objective in milliseconds', () => {
    const steps = panel(endpoint, 'Latency').fieldConfig.defaults.thresholds!.steps;
    expect(steps.map(({ value }) => value)).toEqual([null, 100]);
  });

  test('tells errors of Azure from those of the model', () => {
    const filters = panel(endpoint, 'Errors and rejections').targets!.map(({ azureMonitor }) =>
      azureMonitor!.dimensionFilters
        .filter(({ filters: values }) => values.length > 0)
        .map(({ dimension, operator, filters: values }) => `${dimension} ${operator} ${values.join()}`)
        .join(' and '),
    );
    expect(filters).toEqual([
      'statusCodeClass eq 5xx',
      'modelStatusCode sw 5',
      'statusCodeClass eq 4xx and statusCode ne 424',
      'modelStatusCode sw 4',
      'statusCode eq 429',
    ]);
  });

  test('adds up requests that Azure keeps apart, by stacking them', () => {
    expect(panel(endpoint, 'Throughput').fieldConfig.defaults.custom.stacking!.mode).toBe('normal');
  });

  test('takes shares and percentiles over all deployments from the log', () => {
    for (const title of ['Share of server errors', 'Latency of all deployments']) {
      const { queryType, azureLogAnalytics } = panel(endpoint, title).targets![0]!;
      expect(queryType).toBe('Azure Log Analytics');
      expect(azureLogAnalytics!.resources).toEqual([workspaceId]);
      const query = azureLogAnalytics!.query
        .replace('$__timeFilter(TimeGenerated)', 'TimeGenerated > ago(1h)')
        .replace('$__interval', '1m');
      expect(kustoFaults(query)).toEqual([]);
      expect(panel(unlogged, title)).toBeUndefined();
    }
  });

  test('costs what its instances do, at the price of the plan', () => {
    const { targets, transformations, fieldConfig } = panel(endpoint, 'Cost of green');
    expect(targets![0]!.azureMonitor).toMatchObject({ metricName: 'DeploymentCapacity', aggregation: 'Maximum' });
    expect(transformations!.at(-1)!.options).toMatchObject({
      binary: { left: 'instances', operator: '*', right: '0.526' },
    });
    expect(fieldConfig.defaults.unit).toBe('currencyUSD');
    expect(drawn(unlogged).panels.filter(({ title }) => title.startsWith('Cost'))).toEqual([]);
  });
});

describe('of a container app', () => {
  test('divides counts in the browser', () => {
    const { targets, transformations, fieldConfig } = panel(app, 'Share of server errors');
    expect(targets!.map(({ azureMonitor }) => azureMonitor!.dimensionFilters)).toEqual([
      [{ dimension: 'statusCodeCategory', operator: 'eq', filters: ['5xx'] }],
      [],
    ]);
    expect(transformations!.map(({ id }) => id)).toEqual(['joinByField', 'calculateField']);
    expect(transformations![1]!.options).toMatchObject({ binary: { left: 'part', operator: '/', right: 'all' } });
    expect(fieldConfig.defaults.unit).toBe('percentunit');
  });

  test('has a mean latency and no percentile', () => {
    expect(panel(app, 'Latency')).toBeUndefined();
    expect(panel(app, 'Mean latency').targets![0]!.azureMonitor).toMatchObject({ metricName: 'ResponseTime' });
  });

  test('shows memory in bytes against what a replica has, and its share as one', () => {
    const { unit, thresholds } = panel(app, 'Memory').fieldConfig.defaults;
    expect([unit, thresholds!.steps[1]!.value]).toEqual(['bytes', machine.memoryBytes]);
    const { fieldConfig, transformations } = panel(app, 'Memory fill', 'stat');
    expect(fieldConfig.defaults.unit).toBe('percentunit');
    expect(transformations!.at(-1)!.options).toMatchObject({
      binary: { operator: '/', right: String(machine.memoryBytes) },
    });
  });

  test('shows processors in cores, of those there are', () => {
    const { unit, thresholds } = panel(app, 'CPU').fieldConfig.defaults;
    expect([unit, thresholds!.steps[1]!.value]).toEqual(['si:ncores', 4e9]);
  });
});

test('names are kept as they are, whatever is in them, and the model’s stands in the title alone', () => {
  const text = fc.oneof(
    fc.string({ minLength: 1, unit: 'binary', maxLength: 30 }),
    fc.constantFrom('"', '\\', '\n', `\${__interval}`, '{{deployment}}', '</script>', '$__from'),
  );
  fc.assert(
    fc.property(text, text, (model, workspace) => {
      const named = planMonitoring({ model: `<${model}>` });
      const shown = { ...endpoint, log: { workspace, endpoint: 'digits', workspaceId } };
      const { title, ...rest } = JSON.parse(azureDashboard(named, shown)) as Grafana;
      expect(title).toBe(`Slipway: <${model}>`);
      expect(JSON.stringify(rest)).not.toContain(JSON.stringify(`<${model}>`).slice(1, -1));
      const { query } = rest.panels.flatMap(({ targets = [] }) => targets).find((one) => one.azureLogAnalytics)!
        .azureLogAnalytics!;
      expect(kustoStrings(query)).toContain(workspace);
    }),
    { numRuns: 40 },
  );
});

test('queries of many series have letters as Grafana gives them', () => {
  const many = Array.from({ length: 30 }, (_, index) => instances(`d${index}`));
  const letters = panel({ ...endpoint, instances: many }, 'CPU').targets!.map(({ refId }) => refId);
  expect([letters[0], letters[25], letters[26], letters[29]]).toEqual(['A', 'Z', 'AA', 'AD']);
});
