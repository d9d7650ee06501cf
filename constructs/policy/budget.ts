/** A rule for what endpoints cost: somebody is told. */

import type { StackRule } from './rule.js';

const clouds = [
  {
    cloud: 'Google Cloud',
    endpoint: /^(gcp:cloudrunv2\/service:|gcp:vertex\/aiEndpoint\w*:AiEndpoint)/,
    budget: /^gcp:billing\/budget:/,
  },
  {
    cloud: 'Azure',
    endpoint: /^azure-native:(machinelearningservices:OnlineEndpoint|app:ContainerApp)$/,
    budget: /^azure-native:(consumption|costmanagement):Budget$/,
  },
] as const;

export const budgeted: StackRule = {
  name: 'slipway-budget',
  description: 'Where there are endpoints there is a budget.',
  fix: 'Give monitoring.budget to one of them, or make a budget.',
  severity: 'low',
  unless: 'asked',
  stack: (resources) =>
    clouds.flatMap(({ cloud, endpoint, budget }) => {
      const endpoints = resources.filter(({ type }) => endpoint.test(type));
      const isTold = resources.some(({ type }) => budget.test(type));
      const names = [...new Set(endpoints.map(({ name }) => name))].join(', ');
      return endpoints.length > 0 && !isTold
        ? [{ resource: null, what: `no budget tells what ${names} on ${cloud} cost` }]
        : [];
    }),
};
