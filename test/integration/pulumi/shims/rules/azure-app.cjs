// What Azure Container Apps do that a program can see: environments with their profiles, apps with their revisions, and what is refused.
const { digest } = require('../values.cjs');

const serverless = ['Consumption-GPU-NC8as-T4', 'Consumption-GPU-NC24-A100'];
/** Processors and GiB of a node. */
const nodes = { 'NC24-A100': [24, 220], 'NC48-A100': [48, 440], 'NC96-A100': [96, 880] };
const readSecrets = '4633458b-17de-408a-b874-0445c86b69e6';

const profilesOf = ({ workloadProfiles = [] }) => workloadProfiles;
const same = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

function profileProblems({ name, workloadProfileType: type, minimumCount, maximumCount }) {
  const counted = minimumCount !== undefined || maximumCount !== undefined;
  const isNode = type in nodes;
  return [
    ...(isNode || type === 'Consumption' || serverless.includes(type) ? [] : [`${type} is no type of a profile`]),
    ...(name.length <= 15 ? [] : [`WorkloadProfileInvalidNameTooLong: ${name}`]),
    ...(!isNode && counted ? [`'MinimumCount' is not supported for ${type}`] : []),
    ...(isNode && (minimumCount === undefined || maximumCount === undefined)
      ? [`${type} needs its nodes counted`]
      : []),
  ];
}

/** Asked for against what is there: what Azure changes in no environment. */
function environmentChanges(before, inputs, apps) {
  const [old, now] = [profilesOf(before), profilesOf(inputs)];
  const gone = old.filter(({ name }) => !now.some((each) => each.name === name)).map(({ name }) => name);
  const added = now.filter(({ name }) => !old.some((each) => each.name === name));
  return [
    ...apps
      .filter(({ workloadProfileName }) => gone.includes(workloadProfileName))
      .map(({ workloadProfileName }) => `the profile ${workloadProfileName} is in use and cannot go`),
    ...added
      .filter(({ workloadProfileType }) => workloadProfileType in nodes)
      .map(({ workloadProfileType }) => `${workloadProfileType} has to be there when the environment is made`),
    ...(same(before.vnetConfiguration, inputs.vnetConfiguration) ? [] : ['the network of an environment is fixed']),
  ];
}

/** Of a revision's name, what is made up; the same template twice makes two. */
const suffixOf = ({ revisionSuffix, ...template }, count) =>
  revisionSuffix ?? digest(JSON.stringify([template, count]), 7);

/** Revisions after a write: a template that differs from the newest one's makes another. */
function revisionsOf({ containerAppName, configuration, template }, before = []) {
  const changed = !same(before.at(-1)?.template, template);
  const name = `${containerAppName}--${suffixOf(template, before.length)}`;
  const all = changed ? [...before, { name, template }] : before;
  const only = configuration.activeRevisionsMode === 'Single';
  return all.map((each, index) => ({ ...each, active: index === all.length - 1 || (!only && each.active !== false) }));
}

function trafficProblems(inputs, before) {
  const { activeRevisionsMode, ingress } = inputs.configuration;
  const { traffic } = ingress;
  if (!traffic) return [];
  const there = revisionsOf(inputs, before).filter(({ active }) => active);
  const sum = traffic.reduce((total, { weight }) => total + weight, 0);
  return [
    ...(activeRevisionsMode === 'Single' ? ['traffic weights need several revisions'] : []),
    ...(sum === 100 ? [] : [`the weights add to ${sum}`]),
    ...traffic
      .filter(({ revisionName }) => revisionName && !there.some(({ name }) => name === revisionName))
      .map(({ revisionName }) => `the revision ${revisionName} is not there`),
  ];
}

function suffixProblems({ containerAppName, template }, before = []) {
  const taken = before.find(({ name }) => name === `${containerAppName}--${template.revisionSuffix}`);
  return taken && !same(before.at(-1).template, template)
    ? [`'template.revisionsuffix' is invalid: revision with suffix ${template.revisionSuffix} already exists`]
    : [];
}

function resourceProblems({ cpu, memory }, type) {
  const gib = Number(memory.replace(/Gi$/, ''));
  if (type === 'Consumption') {
    const fits = cpu > 0 && cpu <= 4 && (cpu * 4) % 1 === 0 && gib === 2 * cpu;
    return fits ? [] : [`ContainerAppInvalidResourceTotal: cpu ${cpu}, memory ${memory}`];
  }
  const [processors, size] = { [serverless[0]]: [8, 56], [serverless[1]]: [24, 220] }[type] ?? nodes[type];
  const fits = type in nodes ? cpu < processors && gib < size : cpu <= processors && gib <= size;
  return fits ? [] : [`cpu ${cpu}, memory ${memory} are more than ${type} has`];
}

/** Failures of a probe that are taken, by its type. */
const mostFailures = { Startup: 240, Readiness: 48, Liveness: 30 };

const probeProblems = ({ type, periodSeconds, failureThreshold, timeoutSeconds }) =>
  [periodSeconds, timeoutSeconds].every((seconds) => seconds >= 1 && seconds <= 240) &&
  failureThreshold >= 1 &&
  failureThreshold <= mostFailures[type]
    ? []
    : [`ContainerAppProbeOutOfRange: ${type}`];

function scaleProblems({ minReplicas, maxReplicas, rules }) {
  const whole = ({ http }) => !http || /^[1-9]\d*$/.test(http.metadata.concurrentRequests);
  const held = ({ custom }) => {
    const { timezone, start, end, desiredReplicas } = custom?.metadata ?? {};
    return (
      !custom || (custom.type === 'cron' && timezone && start && end && start !== end && Number(desiredReplicas) > 0)
    );
  };
  return [
    ...(minReplicas >= 0 && minReplicas <= maxReplicas && maxReplicas >= 1 && maxReplicas <= 1000
      ? []
      : [`${minReplicas} to ${maxReplicas} replicas`]),
    ...rules.filter((rule) => !(whole(rule) && held(rule))).map(({ name }) => `the scaling rule ${name} says nothing`),
  ];
}

/**
 * Rules of the types.
 *
 * @param azure - what rules of Azure have in common
 */
function appTypes({ inGroup, provided, missing, ofType, holds, pullProblems }) {
  const environmentId = provided('Microsoft.App', 'managedEnvironments', 'environmentName');
  const appId = provided('Microsoft.App', 'containerApps', 'containerAppName');
  const appsIn = (cloud, id) =>
    ofType(cloud, 'app:ContainerApp')
      .map(({ inputs }) => inputs)
      .filter((inputs) => inputs.environmentId === id);

  /** Secrets are read while an app is made. */
  function secretProblems({ identity, configuration }, cloud) {
    const principals = identity.userAssignedIdentities.map((id) => cloud[id]?.outputs.principalId);
    return (configuration.secrets ?? []).flatMap(({ name, keyVaultUrl, identity: reader }) => {
      const [, vault, secret] = /^https:\/\/([^.]+)\.vault\.azure\.net\/secrets\/([^/]+)/.exec(keyVaultUrl) ?? [];
      const scopes = ofType(cloud, 'authorization:RoleAssignment')
        .map(({ inputs }) => inputs.scope)
        .filter((scope) => scope.endsWith(`/vaults/${vault}/secrets/${secret}`));
      return [
        ...(/^[a-z0-9](-?[a-z0-9])*$/.test(name) ? [] : [`'${name}' is no name for a secret`]),
        ...(identity.userAssignedIdentities.includes(reader) ? [] : [`the app has no identity ${reader}`]),
        ...(scopes.some((scope) => principals.some((each) => holds(cloud, each, readSecrets, scope)))
          ? []
          : [`the secret ${keyVaultUrl} cannot be read: no identity may yet`]),
      ];
    });
  }

  function appProblems(inputs, cloud) {
    const { containerAppName, environmentId: place, workloadProfileName, configuration, template, identity } = inputs;
    const before = cloud[appId(inputs)];
    const environment = cloud[place];
    const [container] = template.containers;
    const profile = profilesOf(environment?.inputs ?? {}).find(({ name }) => name === workloadProfileName);
    const secrets = (configuration.secrets ?? []).map(({ name }) => name);
    const servers = (configuration.registries ?? []).map(({ server }) => server);
    const host = container.image.split('/')[0];
    return [
      ...(/^[a-z](-?[a-z0-9]){1,31}$/.test(containerAppName) && containerAppName.length <= 32
        ? []
        : [`'${containerAppName}' is no name for an app`]),
      ...missing(cloud, place, 'the environment'),
      ...(before && before.inputs.environmentId !== place ? ['an app cannot move to another environment'] : []),
      ...(environment && !profile ? [`WorkloadProfileNotFound: ${workloadProfileName} is not in the environment`] : []),
      ...(profile ? resourceProblems(container.resources, profile.workloadProfileType) : []),
      ...identity.userAssignedIdentities.flatMap((id) => missing(cloud, id, 'the identity')),
      ...pullProblems(cloud, servers.includes(host) ? identity.userAssignedIdentities : [], container.image),
      ...secretProblems(inputs, cloud),
      ...(container.env ?? [])
        .filter(({ secretRef }) => secretRef && !secrets.includes(secretRef))
        .map(({ secretRef }) => `the secret ${secretRef} is not there`),
      ...container.probes.flatMap(probeProblems),
      ...scaleProblems(template.scale),
      ...suffixProblems(inputs, before?.outputs.revisions),
      ...trafficProblems(inputs, before?.outputs.revisions),
    ];
  }

  return {
    'azure-native:app:ManagedEnvironment': inGroup('Microsoft.App', 'managedEnvironments', 'environmentName', {
      outputs: ({ environmentName, location }) => ({
        name: environmentName,
        defaultDomain: `${digest(environmentName, 8)}.${location}.azurecontainerapps.io`,
      }),
      refuse: (inputs, cloud) => {
        const { vnetConfiguration: network, publicNetworkAccess, environmentName } = inputs;
        const id = environmentId(inputs);
        const taken = ofType(cloud, 'app:ManagedEnvironment').find(
          (each) =>
            network &&
            each.inputs.environmentName !== environmentName &&
            each.inputs.vnetConfiguration?.infrastructureSubnetId === network.infrastructureSubnetId,
        );
        return [
          ...profilesOf(inputs).flatMap(profileProblems),
          ...(cloud[id] ? environmentChanges(cloud[id].inputs, inputs, appsIn(cloud, id)) : []),
          ...(taken ? [`the subnet holds ${taken.inputs.environmentName} already`] : []),
          ...(network?.internal && publicNetworkAccess !== 'Disabled' ? ['an internal environment is not public'] : []),
        ];
      },
      keeps: (id, cloud) =>
        appsIn(cloud, id).map(({ containerAppName }) => `the environment still contains ${containerAppName}`),
    }),
    'azure-native:app:ContainerApp': inGroup('Microsoft.App', 'containerApps', 'containerAppName', {
      refuse: appProblems,
      outputs(inputs, before) {
        const { containerAppName: name, environmentId: place, configuration } = inputs;
        const domain = `${digest(place.split('/').at(-1), 8)}.${inputs.location}.azurecontainerapps.io`;
        const within = configuration.ingress.external ? '' : '.internal';
        const revisions = revisionsOf(inputs, before?.revisions);
        const newest = revisions.at(-1).name;
        return {
          name,
          configuration: {
            ...configuration,
            ingress: { ...configuration.ingress, fqdn: `${name}${within}.${domain}` },
          },
          latestRevisionName: newest,
          latestRevisionFqdn: `${newest}${within}.${domain}`,
          revisions,
        };
      },
    }),
    'azure-native:app:ContainerAppsAuthConfig': {
      replaceOn: ['authConfigName', 'containerAppName', 'resourceGroupName'],
      id: (inputs) => `${appId(inputs)}/authConfigs/${inputs.authConfigName}`,
      outputs: ({ authConfigName }) => ({ name: authConfigName }),
      refuse: (inputs, cloud) => [
        ...missing(cloud, appId(inputs), 'the app'),
        ...(inputs.authConfigName === 'current' ? [] : [`'${inputs.authConfigName}' counts for nothing`]),
      ],
    },
  };
}

module.exports = { appTypes };
