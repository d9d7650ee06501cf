/** `slipway monitor`: what watches an endpoint, for a monitoring that is there already. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { SlipwayError } from '../../lib/errors.js';
import { cloud } from '../../lib/hardware/offer.js';
import { local } from '../../lib/local/machine.js';
import { Model } from '../../lib/model/model.js';
import { type Format, formats, type MonitoringExport } from '../../lib/monitoring/formats.js';
import { planEndpoint } from '../../lib/plan.js';
import type { EndpointSpec } from '../../lib/spec.js';
import { print, say } from '../terminal.js';
import { dimOption } from './model-options.js';

interface MonitorOptions {
  readonly format: Format;
  readonly platform?: MonitoringExport['platform'];
  readonly region?: string;
  readonly endpoint?: string;
  readonly name?: string;
  readonly dim: Readonly<Record<string, number>>;
  readonly p99Ms?: number;
  readonly rps?: number;
  readonly availability?: number;
  readonly periodDays?: number;
}

const examples = `
Examples:
  $ slipway monitor fraud.onnx --format prometheus > fraud.rules.yml   # recording rules and alerts
  $ slipway monitor fraud.onnx --format grafana --p99-ms 50 > fraud.dashboard.json
  $ slipway monitor fraud.onnx --format cloudwatch --endpoint shop-fraud --region eu-west-1 | jq .dashboardBody
  $ slipway monitor fraud.onnx --format gcp --platform gcp-vertex --endpoint 1234567890
  $ slipway monitor fraud.onnx --format azure --endpoint /subscriptions/…/onlineEndpoints/fraud

YAML for prometheus, one JSON document for the others, on standard output; what cannot be watched there is told on
standard error. The constructs of slipway/aws, slipway/azure and slipway/gcp make all of this themselves.
What each document holds: docs/monitoring.md`;

const number = (least: number, most: number, what: string) => (text: string) => {
  const value = Number(text);
  if (!(value > least && value <= most)) throw new InvalidArgumentError(`Give ${what}.`);
  return value;
};

/** The platforms of a format, the usual one first. */
function platformOf({ format, platform }: MonitorOptions): MonitoringExport['platform'] {
  const [usual, ...others] = formats[format];
  if (platform === undefined) return usual;
  if ([usual, ...others].includes(platform)) return platform;
  throw new SlipwayError(
    `--platform ${platform}: the format ${format} is for ${[usual, ...others].join(' and ')}. Leave it out, or give another format.`,
  );
}

function specOf(path: string, { name, dim, p99Ms, rps, availability, periodDays }: MonitorOptions): EndpointSpec {
  return {
    model: Model.fromOnnx(path, { dims: dim, ...(name !== undefined && { name }) }),
    objective: {
      ...(p99Ms !== undefined && { p99Ms }),
      ...(rps !== undefined && { requestsPerSecond: rps }),
    },
    monitoring: {
      slo: {
        ...(availability !== undefined && { availability }),
        ...(p99Ms !== undefined && { p99Ms }),
        ...(periodDays !== undefined && { periodDays }),
      },
    },
  };
}

export function monitorCommand(): Command {
  const above0 = number(0, Number.MAX_VALUE, 'a number above 0');
  return new Command('monitor')
    .description('print dashboards, alerts and rules for a monitoring that is there already')
    .argument('<model>', 'an .onnx file')
    .addOption(new Option('--format <format>', 'whose form').choices(Object.keys(formats)).makeOptionMandatory())
    .addOption(
      new Option('--platform <id>', 'where the endpoint runs (default: the format’s usual one)').choices([
        ...new Set(Object.values(formats).flat()),
      ]),
    )
    .option('--region <region>', 'the cloud’s own name (default: where prices are known best)')
    .option(
      '--endpoint <name>',
      'name of the endpoint there; its full resource id on Azure (default: the model’s name)',
    )
    .option('--name <name>', "the model's name in its routes (default: the file's)")
    .addOption(dimOption('size of a symbolic dimension; can be given again'))
    .option('--p99-ms <ms>', 'objective: 99 % of answers within so many milliseconds', above0)
    .option('--rps <rate>', 'requests a second at the peak (default: 1)', above0)
    .option(
      '--availability <percent>',
      'objective: share of requests without a server error (default: 99.9)',
      number(0, 100, 'a percentage above 0 and below 100'),
    )
    .option('--period-days <days>', 'period of the objectives (default: 30)', number(0, 90, 'days from 1 to 90'))
    .addHelpText('after', examples)
    .action(async (path: string, options: MonitorOptions) => {
      const id = platformOf(options);
      const { region, endpoint } = options;
      if (id === 'local' && region !== undefined) {
        throw new SlipwayError(`--region: the format ${options.format} has none. Leave it out.`);
      }
      const platform = id === 'local' ? local() : cloud(id, region === undefined ? {} : { region });
      const plan = planEndpoint(specOf(path, options), platform);
      // What draws dashboards is loaded for this alone.
      const { monitoringExport } = await import('../../lib/monitoring/export.js');
      const { text, notes } = monitoringExport(plan, {
        format: options.format,
        platform: id,
        region: platform.region,
        endpoint: endpoint ?? null,
      });
      print(text.trimEnd());
      for (const note of notes) say(note);
    });
}
