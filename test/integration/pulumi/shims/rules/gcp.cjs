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

const accountNames = (cloud) =>
  Object.values(cloud)
    .filter(({ type }) => type === 'gcp:serviceaccount/account:Account')
    .map(({ outputs }) => outputs.name);

/** What a job may change, and the grant that lets it. */
const scheduledTargets = [
  { name: /projects\/.*\/services\/[^?]+/, member: ':ServiceIamMember', of: ({ name }) => `/services/${name}` },
  {
    name: /projects\/.*\/endpoints\/[^:]+/,
    member: ':AiEndpointIamMember',
    of: ({ endpoint }) => `/endpoints/${endpoint}`,
  },
];

/** A job of Cloud Scheduler: its time, and whether its account may do what it asks for. */
function jobProblems({ schedule, httpTarget: { uri, oauthToken } }, cloud) {
  const { serviceAccountEmail: email } = oauthToken;
  const { name, member, of } = scheduledTargets.find((target) => target.name.test(uri));
  const [changed] = name.exec(uri);
  const granted = Object.values(cloud).some(
    ({ type, inputs }) =>
      type.endsWith(member) && inputs.member === `serviceAccount:${email}` && changed.endsWith(of(inputs)),
  );
  return [
    ...(/^\d+ \d+ \* \* (\*|[0-6](,[0-6])*)$/.test(schedule) ? [] : [`'${schedule}' is no time`]),
    ...(cloud[changed] ? [] : [`there is no ${changed}`]),
    ...(granted ? [] : [`${email} may not change ${changed} yet`]),
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
    outputs: (inputs) => {
      const email = `${inputs.accountId}@${project(inputs)}.iam.gserviceaccount.com`;
      return { email, name: `projects/${project(inputs)}/serviceAccounts/${email}` };
    },
    refuse: ({ accountId }) =>
      /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(accountId) ? [] : [`'${accountId}' is no account id`],
  },
  'gcp:artifactregistry/repository:Repository': {
    replaceOn: ['repositoryId', 'location', 'project', 'format'],
    id: (inputs) => `projects/${project(inputs)}/locations/${inputs.location}/repositories/${inputs.repositoryId}`,
    outputs: (inputs) => ({ project: project(inputs) }),
  },
  'gcp:vertex/aiEndpoint:AiEndpoint': {
    replaceOn: ['name', 'location', 'project', 'network', 'encryptionSpec', 'privateServiceConnectConfig'],
    id: (inputs) => `projects/${project(inputs)}/locations/${inputs.location}/endpoints/${inputs.name}`,
    // Its own address comes with the first deployment.
    outputs: (inputs) => ({ project: project(inputs), dedicatedEndpointDns: '' }),
    refuse: ({ name }) =>
      /^([a-z]([a-z0-9-]{0,61}[a-z0-9])?|[1-9][0-9]{0,8})$/.test(name) ? [] : [`'${name}' is no id of an endpoint`],
    keeps: (id, cloud) =>
      Object.keys(cloud)
        .filter((name) => name.startsWith(`${id}/deployedModels/`))
        .map((name) => `${name} is deployed`),
  },
  'gcp:monitoring/customService:CustomService': {
    replaceOn: ['serviceId', 'project'],
    id: (inputs) => `projects/${project(inputs)}/services/${inputs.serviceId}`,
    outputs: (inputs) => ({ name: `projects/1/services/${inputs.serviceId}` }),
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
  'gcp:projects/iAMCustomRole:IAMCustomRole': {
    replaceOn: ['roleId', 'project'],
    id: (inputs) => `projects/${project(inputs)}/roles/${inputs.roleId}`,
    outputs: (inputs) => ({ name: `projects/${project(inputs)}/roles/${inputs.roleId}` }),
    refuse: ({ roleId }) => (/^[a-zA-Z0-9_.]{3,64}$/.test(roleId) ? [] : [`'${roleId}' is no id of a role`]),
  },
  'gcp:serviceaccount/iAMMember:IAMMember': {
    replaceOn: ['serviceAccountId', 'role', 'member'],
    id: (inputs) => `${inputs.serviceAccountId}/${inputs.role}/${inputs.member}`,
    refuse: ({ serviceAccountId }, cloud) =>
      serviceAccountId.startsWith('projects/-/') || accountNames(cloud).includes(serviceAccountId)
        ? []
        : [`the account ${serviceAccountId} is not there yet`],
  },
  'gcp:cloudscheduler/job:Job': {
    autoname: 'name',
    replaceOn: ['name', 'region', 'project'],
    id: (inputs) => `projects/${project(inputs)}/locations/${inputs.region}/jobs/${inputs.name}`,
    refuse: jobProblems,
  },
  'gcp:monitoring/notificationChannel:NotificationChannel': {
    replaceOn: ['project'],
    id: (inputs) => `projects/${project(inputs)}/notificationChannels/${digest(JSON.stringify(inputs))}`,
    outputs: (inputs) => ({
      name: `projects/${project(inputs)}/notificationChannels/${digest(JSON.stringify(inputs))}`,
    }),
    refuse: ({ type, labels }) => (type === 'email' && !labels?.email_address ? ['an e-mail needs an address'] : []),
  },
  'gcp:billing/budget:Budget': {
    replaceOn: ['billingAccount'],
    id: (inputs) => `billingAccounts/${inputs.billingAccount}/budgets/${digest(JSON.stringify(inputs.budgetFilter))}`,
    refuse: ({ billingAccount, budgetFilter, allUpdatesRule = {} }) => [
      ...(/^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$/.test(billingAccount)
        ? []
        : [`there is no account ${billingAccount}`]),
      ...(Object.keys(budgetFilter.labels ?? {}).length <= 1 ? [] : ['a budget has one label at most']),
      ...((allUpdatesRule.monitoringNotificationChannels ?? []).length <= 5 ? [] : ['a budget tells five at most']),
    ],
  },
};

module.exports = { types };
