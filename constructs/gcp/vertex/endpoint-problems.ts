/** What is wrong with a Vertex AI endpoint as it is asked for, besides its description. */

import { type Problem, problemsOf } from '../../../lib/errors.js';
import type { EndpointSpec } from '../../../lib/spec.js';
import { notifyProblems } from '../../pulumi/notify.js';
import { budgetProblems } from '../cost-guards.js';
import { secretProblems } from '../identity.js';
import { timetableProblems } from '../schedules.js';
import { isPrivate, type VertexDeploymentArgs, type VertexEndpointArgs } from './endpoint-args.js';
import { usualUtilization } from './serving.js';

const whole = (count: number, least: number, most: number): boolean =>
  Number.isInteger(count) && count >= least && count <= most;

const label = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u;

/** What is wrong with one deployment's own options; `at` stands before their names. */
function deploymentProblems(
  at: string,
  { model, serving, scaling, environment = {} }: Partial<EndpointSpec>,
  longest: number,
): Problem[] {
  return problemsOf([
    [
      (serving?.timeoutSeconds ?? 0) > longest,
      'serving.timeoutSeconds',
      `${serving?.timeoutSeconds} is given; Vertex AI ends a request of this kind of endpoint after ${longest + 10} s. Give at most ${longest}`,
    ],
    [
      model?.uri !== undefined && !model.uri.startsWith('gs://'),
      'model',
      `'${model?.uri}' cannot be read by Vertex AI. Give a folder of Cloud Storage, gs://BUCKET/FOLDER`,
    ],
    [
      scaling?.target !== undefined,
      'scaling.target',
      'Vertex AI scales on how busy processors or accelerators are, not on requests in flight. Leave it out; utilization sets the percent',
    ],
    ...Object.keys(environment)
      .filter((name) => name.startsWith('AIP_'))
      .map((name) => [true, 'environment', `${name} is Vertex AI's own. Leave it out`] as const),
  ]).map(({ where, what }) => ({ where: `${at}${where}`, what }));
}

function shareProblems(deployments: Readonly<Record<string, VertexDeploymentArgs>>): Problem[] {
  const percents = Object.entries(deployments).map(([name, { percent = 0 }]) => [name, percent] as const);
  const sum = percents.reduce((total, [, percent]) => total + percent, 0);
  return problemsOf([
    ...percents.map(
      ([name, percent]) =>
        [
          !whole(percent, 0, 100),
          `deployments.${name}.percent`,
          `${percent} is given; allowed: a whole number from 0 to 100`,
        ] as const,
    ),
    ...percents.map(
      ([name]) =>
        [
          !/^[a-z][a-z0-9-]{0,18}[a-z0-9]$/.test(name) || name === 'main',
          'deployments',
          `'${name}' is no name for a further deployment. Give 2 to 20 lower-case letters, digits and hyphens, a letter first, no hyphen last, and not 'main'`,
        ] as const,
    ),
    [
      sum > 100,
      'deployments',
      `the shares add to ${sum}; together with the first deployment's they have to add to 100, so that at most 100 can be given away`,
    ],
  ]);
}

/** Options that go together, or do not. */
function accessProblems(args: VertexEndpointArgs): Problem[] {
  const { network, privateServiceConnect, dedicated, routes = 'predict', requestLog, deployments = {} } = args;
  const share = requestLog?.share ?? 1;
  return problemsOf([
    [
      network !== undefined && privateServiceConnect !== undefined,
      'network',
      'an endpoint is reached from a peered network or by Private Service Connect. Give network or privateServiceConnect',
    ],
    [
      network !== undefined && dedicated === true,
      'dedicated',
      'an endpoint in a peered network has no address of its own. Leave it out, or give privateServiceConnect instead of network',
    ],
    [
      network !== undefined && Object.keys(deployments).length > 0,
      'deployments',
      'an endpoint in a peered network has one deployment. Leave them out, or give privateServiceConnect instead of network',
    ],
    [!['predict', 'invoke'].includes(routes), 'routes', `'${routes}' is given; allowed: predict, invoke`],
    [
      routes === 'invoke' && (network !== undefined || dedicated === false),
      'routes',
      "'invoke' needs an endpoint with an address of its own. Leave routes out, or network and dedicated: false",
    ],
    [
      requestLog !== undefined && isPrivate(args),
      'requestLog',
      'Vertex AI keeps no requests of private endpoints. Leave it out',
    ],
    [!(share > 0 && share <= 1), 'requestLog.share', `${share} is given; allowed: above 0, at most 1`],
  ]);
}

/** What is wrong with a Vertex AI endpoint besides its description. */
export function ownProblems(args: VertexEndpointArgs): Problem[] {
  const { endpointName, deployments = {}, utilization = usualUtilization, tags = {} } = args;
  const longest = args.network !== undefined || args.dedicated === false ? 50 : 3590;
  return [
    ...problemsOf([
      [
        endpointName !== undefined && !/^([a-z]([a-z0-9-]{0,61}[a-z0-9])?|[1-9][0-9]{0,8})$/.test(endpointName),
        'endpointName',
        `'${endpointName}' is no id for an endpoint. Give 1 to 63 lower-case letters, digits and hyphens, a letter first, no hyphen last; or a number of at most 9 digits`,
      ],
      [!whole(utilization, 1, 100), 'utilization', `${utilization} is given; allowed: a whole number from 1 to 100`],
      ...Object.entries(tags)
        .filter(([key, value]) => key === '' || !label.test(key) || !label.test(value))
        .map(
          ([key, value]) =>
            [
              true,
              'tags',
              `'${key}: ${value}' is no label for Vertex AI. Give at most 63 lower-case letters, digits, '_' and '-'`,
            ] as const,
        ),
    ]),
    ...accessProblems(args),
    ...secretProblems(args.secrets ?? {}, args.environment ?? {}),
    ...shareProblems(deployments),
    ...timetableProblems(args.schedules ?? [], false),
    ...deploymentProblems('', args, longest),
    ...Object.entries(deployments).flatMap(([name, each]) => deploymentProblems(`deployments.${name}.`, each, longest)),
    ...budgetProblems(args),
    ...notifyProblems('gcp', args.notify),
  ];
}
