// What Google does that a program can see: names, ids, computed outputs, what forces a replacement, and what is refused.
const { digest } = require('../values.cjs');

const project = (inputs) => inputs.project ?? 'shop';

/** Names of accelerators, and the least that comes with them. */
const accelerators = { 'nvidia-l4': [4, 16], 'nvidia-rtx-pro-6000': [20, 80] };

/** A container's limits, as the service checks them. */
function limitProblems({ template }) {
  const [{ resources }] = template.containers;
  const { cpu, memory, 'nvidia.com/gpu': gpu } = resources.limits;
  const gib = Number(/^(\d+)Mi$/.exec(memory)?.[1]) / 1024;
  const kind = template.nodeSelector?.accelerator;
  if (!kind && !gpu) return [];
  if (!kind || !gpu) return ['an accelerator needs a node selector and a limit of nvidia.com/gpu'];
  const least = accelerators[kind];
  if (!least) return [`there is no accelerator ${kind}`];
  return [
    ...(Number(cpu) < least[0] || gib < least[1] ? [`${kind} needs ${least[0]} CPU and ${least[1]} GiB`] : []),
    ...(resources.cpuIdle === false ? [] : ['an accelerator is billed by the instance: cpuIdle has to be false']),
  ];
}

function serviceProblems(inputs, cloud) {
  const { template, traffics = [], scaling } = inputs;
  const sum = traffics.reduce((total, { percent = 0 }) => total + percent, 0);
  const accounts = Object.values(cloud)
    .filter(({ type }) => type === 'gcp:serviceaccount/account:Account')
    .map(({ outputs }) => outputs.email);
  const readers = Object.values(cloud)
    .filter(({ type }) => type === 'gcp:secretmanager/secretIamMember:SecretIamMember')
    .map(({ inputs: granted }) => granted.secretId);
  const secrets =
    template.containers[0].envs?.flatMap(({ valueSource }) => valueSource?.secretKeyRef?.secret ?? []) ?? [];
  const { startupProbe } = template.containers[0];
  return [
    ...limitProblems(inputs),
    ...(sum === 100 ? [] : [`traffic adds to ${sum} percent`]),
    ...(scaling.maxInstanceCount >= 1 ? [] : ['maxInstanceCount has to be at least 1']),
    ...(template.scaling ? ['scaling stands on the service and on the template'] : []),
    ...(startupProbe.periodSeconds <= 240 ? [] : ['a period of more than 240 s']),
    ...(accounts.includes(template.serviceAccount) || !/@shop\.iam/.test(template.serviceAccount)
      ? []
      : [`the account ${template.serviceAccount} is not there yet`]),
    ...secrets
      .filter((name) => !readers.includes(name))
      .map((name) => `the account may not read the secret ${name} yet`),
  ];
}

const types = {
  'gcp:cloudrunv2/service:Service': {
    autoname: 'name',
    replaceOn: ['name', 'location', 'project'],
    id: (inputs) => `projects/${project(inputs)}/locations/${inputs.location}/services/${inputs.name}`,
    outputs: (inputs) => ({ project: project(inputs), uri: `https://${inputs.name}-${digest(inputs.name)}.a.run.app` }),
    refuse: serviceProblems,
  },
  'gcp:serviceaccount/account:Account': {
    replaceOn: ['accountId', 'project'],
    id: (inputs) => `projects/${project(inputs)}/serviceAccounts/${inputs.accountId}`,
    outputs: (inputs) => ({ email: `${inputs.accountId}@${project(inputs)}.iam.gserviceaccount.com` }),
    refuse: ({ accountId }) =>
      /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(accountId) ? [] : [`'${accountId}' is no account id`],
  },
  'gcp:artifactregistry/repository:Repository': {
    replaceOn: ['repositoryId', 'location', 'project', 'format'],
    id: (inputs) => `projects/${project(inputs)}/locations/${inputs.location}/repositories/${inputs.repositoryId}`,
    outputs: (inputs) => ({ project: project(inputs) }),
  },
  'gcp:monitoring/genericService:GenericService': {
    replaceOn: ['serviceId', 'project'],
    id: (inputs) => `projects/${project(inputs)}/services/${inputs.serviceId}`,
    outputs: (inputs) => ({ name: `projects/1/services/${inputs.serviceId}` }),
  },
  'gcp:monitoring/slo:Slo': {
    replaceOn: ['service', 'sloId', 'project'],
    id: (inputs) => `projects/${project(inputs)}/services/${inputs.service}/serviceLevelObjectives/${inputs.sloId}`,
    outputs: (inputs) => ({ name: `projects/1/services/${inputs.service}/serviceLevelObjectives/${inputs.sloId}` }),
    refuse: ({ goal, rollingPeriodDays }) =>
      goal > 0 && goal <= 0.9999 && rollingPeriodDays >= 1 && rollingPeriodDays <= 30
        ? []
        : ['goal or period out of range'],
  },
};

module.exports = { types };
