/** Monitoring: which verdicts a person can find on a dashboard of a cloud's own metrics, by which panel, and which are not to be found there. */

import { type Verdict, type VerdictId, verdicts } from './bottleneck.js';
import { thresholds as t } from './bottleneck-thresholds.js';

/** A cloud whose own metrics a dashboard shows. */
export type ShownPlatform = 'aws-sagemaker' | 'azure-ml' | 'azure-container-apps' | 'gcp-cloud-run' | 'gcp-vertex';

type Said = Pick<Verdict, 'title' | 'action'>;

/** What a panel says. */
interface Sign {
  /** Title of the panel, without the unit that some dashboards add. */
  readonly panel: string;
  /** How it looks then; comes after the panel's name. */
  readonly when: string;
  readonly told: readonly (VerdictId | Said)[];
  /** Only where there are accelerators. */
  readonly accelerated?: true;
}

interface Told {
  /** Whose metrics they are. */
  readonly owner: string;
  readonly signs: readonly Sign[];
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;

const memory: Sign = { panel: 'Memory', when: `above ${percent(t.fullMemory)} of what there is`, told: ['memory'] };
const processors: Sign = {
  panel: 'CPU',
  when: `above ${percent(t.fullProcessors)} of the processors; nothing here says which of the two`,
  told: ['cpu-inference', 'cpu-around'],
};
const spare: Sign = {
  panel: 'CPU',
  when: `below ${percent(t.spare)} of the processors for six hours, and accelerators as well where there are any`,
  told: ['over-provisioned'],
};
const acceleratorMemory = (panel: string): Sign => ({
  panel,
  when: `memory above ${percent(t.fullMemory)} of what there is`,
  told: ['gpu-memory'],
  accelerated: true,
});

const told: Readonly<Record<ShownPlatform, Told>> = {
  'aws-sagemaker': {
    owner: 'SageMaker',
    signs: [
      memory,
      acceleratorMemory('Accelerators'),
      {
        panel: 'Queue',
        when: `above the number of workers while processors are below ${percent(t.slackProcessors)}; nothing here says which of the two`,
        told: ['concurrency', 'batch-limit'],
      },
      processors,
      {
        panel: 'Time that SageMaker adds',
        when: `above ${percent(t.muchOutside)} of itself and Latency together`,
        told: ['network'],
      },
      spare,
    ],
  },
  'azure-ml': {
    owner: 'Azure Machine Learning',
    signs: [memory, acceleratorMemory('Accelerators'), processors, spare],
  },
  'azure-container-apps': { owner: 'Container Apps', signs: [memory, processors, spare] },
  'gcp-cloud-run': { owner: 'Cloud Run', signs: [memory, processors, spare] },
  'gcp-vertex': {
    owner: 'Vertex AI',
    signs: [
      memory,
      acceleratorMemory('Accelerator memory'),
      {
        panel: 'Replicas',
        when: 'wanted above running for five minutes',
        told: [
          {
            title: 'Scaling does not keep up',
            action:
              'Raise the greatest number of replicas, look for a quota that is used up, or keep more of them running.',
          },
        ],
      },
      processors,
      {
        panel: 'Accelerators',
        when: `processors at work above ${percent(t.fullAccelerator)}, which T4 does not tell`,
        told: ['gpu-compute'],
        accelerated: true,
      },
      spare,
    ],
  },
};

const all: readonly Verdict[] = verdicts;
const saidOf = (each: VerdictId | Said): Said => (typeof each === 'string' ? all.find(({ id }) => id === each)! : each);

const lineOf = ({ panel, when, told: each }: Sign): string => {
  const said = each.map(saidOf);
  return `- ${panel} ${when}: ${said.map(({ title, action }) => `**${title}.** ${action}`).join(' ')}`;
};

/** Panels that are named, each with what it tells. */
export const signsOf = (platform: ShownPlatform, accelerated: boolean): readonly Sign[] =>
  told[platform].signs.filter((sign) => accelerated || !sign.accelerated);

/** Markdown for a dashboard of a cloud's own metrics: what limits the endpoint and what to do, as far as they tell, and what they do not. */
export function bottleneckText(platform: ShownPlatform, accelerated: boolean): string {
  const signs = signsOf(platform, accelerated);
  const found = new Set(signs.flatMap((sign) => sign.told));
  const missing = all.filter(
    ({ id, kind }) => kind !== 'none' && !found.has(id as VerdictId) && (accelerated || !id.startsWith('gpu-')),
  );
  return [
    `What limits the endpoint, as far as metrics of ${told[platform].owner} tell:`,
    '',
    ...signs.map(lineOf),
    '',
    `Not told by them: ${missing.map(({ title }) => title).join('; ')}. A Prometheus that reads the server, with the rules of \`slipway monitor --format prometheus\`, tells those.`,
  ].join('\n');
}

export const bottleneckTitle = 'What limits it';
