import { describe, expect, test } from 'vitest';
import { azureDashboard } from '../../lib/monitoring/azure/dashboard.js';
import { type Verdict, verdicts } from '../../lib/monitoring/bottleneck.js';
import { bottleneckText, type ShownPlatform, signsOf } from '../../lib/monitoring/bottleneck-platforms.js';
import { cloudRunDashboard } from '../../lib/monitoring/cloud-run.js';
import { cloudWatchDocument } from '../../lib/monitoring/cloudwatch-document.js';
import { planMonitoring } from '../../lib/monitoring/plan.js';
import { vertexDashboard } from '../../lib/monitoring/vertex.js';

const all: readonly Verdict[] = verdicts;
const plan = planMonitoring({ model: 'digits', slo: { p99Ms: 50 } });
const machine = { processors: 4, memoryBytes: 2 ** 34 };
const usdPerHour = 0.5;

/** Titles and texts of a dashboard. */
interface Shown {
  readonly titles: readonly string[];
  readonly texts: readonly string[];
}

function cloudWatch(accelerated: boolean): Shown {
  const { widgets } = cloudWatchDocument(plan, {
    ...{ endpoint: 'digits', variant: 'main', region: 'eu-west-1', usdPerHour },
    machine: { ...machine, acceleratorCount: accelerated ? 1 : 0 },
  }).dashboardBody as { widgets: readonly { properties: { title?: string; markdown?: string } }[] };
  return {
    titles: widgets.flatMap(({ properties }) => properties.title ?? []),
    texts: widgets.flatMap(({ properties }) => properties.markdown ?? []),
  };
}

function azure(platform: 'azure-ml' | 'azure-container-apps', accelerated: boolean): Shown {
  const id = '/subscriptions/0/resourceGroups/shop/providers/Microsoft.X/workspaces/w/onlineEndpoints/digits';
  const { panels } = JSON.parse(
    azureDashboard(plan, {
      ...{ platform, id, location: 'westeurope', log: null, notes: [] },
      instances: [{ name: 'main', id, machine, accelerated, usdPerHour }],
    }),
  ) as { panels: readonly { title: string; type: string; options: { content?: string } }[] };
  return {
    titles: panels.flatMap(({ title, type }) => (type === 'timeseries' ? title : [])),
    texts: panels.flatMap(({ options }) => options.content ?? []),
  };
}

function google(json: string): Shown {
  const { mosaicLayout } = JSON.parse(json) as {
    mosaicLayout: { tiles: readonly { widget: { title: string; text?: { content: string; format: string } } }[] };
  };
  const widgets = mosaicLayout.tiles.map(({ widget }) => widget);
  return {
    titles: widgets.flatMap(({ title, text }) => (text ? [] : title)),
    texts: widgets.flatMap(({ text }) => text?.content ?? []),
  };
}

const dashboards: Readonly<Record<ShownPlatform, (accelerated: boolean) => Shown>> = {
  'aws-sagemaker': cloudWatch,
  'azure-ml': (accelerated) => azure('azure-ml', accelerated),
  'azure-container-apps': (accelerated) => azure('azure-container-apps', accelerated),
  'gcp-cloud-run': (accelerated) =>
    google(cloudRunDashboard(plan, 'digits', { processors: 4, accelerated, usdPerHour })),
  'gcp-vertex': (accelerated) => {
    const deployment = { id: '1', memoryBytes: 2 ** 34, accelerator: accelerated ? 'l4' : null, usdPerHour };
    return google(vertexDashboard(plan, { id: 'digits', isPrivate: false, deployments: [deployment] }));
  },
};

const cases = (Object.keys(dashboards) as ShownPlatform[]).flatMap((platform) => [
  [platform, false] as const,
  [platform, true] as const,
]);

describe.each(cases)('what limits an endpoint on %s, accelerated: %s', (platform, accelerated) => {
  const { titles, texts } = dashboards[platform](accelerated);
  const text = bottleneckText(platform, accelerated);

  test('stands on the dashboard, once', () => {
    expect(texts.filter((each) => each.includes(text))).toHaveLength(1);
  });

  test('is told by panels that are there', () => {
    for (const { panel } of signsOf(platform, accelerated)) {
      expect(
        titles.filter((title) => title === panel || title.startsWith(`${panel} (`)),
        panel,
      ).toHaveLength(1);
    }
  });

  test('is said of every verdict that can be there: how it is told and what to do, or that it is not told', () => {
    const [found, missing] = text.split('Not told by them: ') as [string, string];
    for (const { id, kind, title, action } of all) {
      const isFound = found.includes(`**${title}.** ${action}`);
      const isMissing = missing.includes(`${title};`) || missing.includes(`${title}.`);
      const applies = kind !== 'none' && (accelerated || !id.startsWith('gpu-'));
      expect([isFound, isMissing].filter(Boolean).length, `${id}: ${isFound}, ${isMissing}`).toBe(applies ? 1 : 0);
    }
  });

  test('has nothing in it that a dashboard would fill in', () => {
    expect(text).not.toMatch(/[$<{]/);
  });
});

test('reads like this', () => {
  expect(bottleneckText('azure-container-apps', false)).toBe(
    [
      'What limits the endpoint, as far as metrics of Container Apps tell:',
      '',
      '- Memory above 90 % of what there is: **Memory.** Give it more memory, or lower the queue, the batch size or the number of workers.',
      '- CPU above 85 % of the processors; nothing here says which of the two: **Processors, in the model.** Serve a faster form of the model (8-bit, pruned), take a machine with more or faster processors, or add replicas. **Processors, before and after the model.** Make the hooks cheaper or move them into the model, send tensors in binary, or add processors or replicas.',
      '- CPU below 20 % of the processors for six hours, and accelerators as well where there are any: **More machine than needed.** Take a smaller machine or fewer replicas, or let the endpoint scale to zero.',
      '',
      'Not told by them: Cold start; Hooks wait for each other; Processors are taken by others; Too few workers; Batches are kept small; Batches stay nearly empty; Requests wait for nothing; Reading and writing requests; More load than it carries; Network, or slow callers. A Prometheus that reads the server, with the rules of `slipway monitor --format prometheus`, tells those.',
    ].join('\n'),
  );
});
