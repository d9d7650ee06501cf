// What Azure does that a program can see: names, ids, computed outputs, what forces a replacement, and what is refused.
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { digest } = require('../values.cjs');
const { appTypes } = require('./azure-app.cjs');

const subscription = '/subscriptions/00000000-0000-0000-0000-000000000001';
const group = (inputs) => `${subscription}/resourceGroups/${inputs.resourceGroupName}`;
const provided = (provider, kind, key) => (inputs) => `${group(inputs)}/providers/${provider}/${kind}/${inputs[key]}`;

/** A resource that lies in a group: another name, group or place is another resource. */
const inGroup = (provider, kind, key, more = {}) => ({
  autoname: key,
  separator: '',
  replaceOn: [key, 'resourceGroupName', 'location'],
  id: provided(provider, kind, key),
  outputs: (inputs) => ({ name: inputs[key] }),
  ...more,
});

/** Child of a workspace for machine learning. */
const workspaceId = (inputs) =>
  `${group(inputs)}/providers/Microsoft.MachineLearningServices/workspaces/${inputs.workspaceName}`;

const found = (cloud, id) => cloud[id];
const missing = (cloud, id, what) => (found(cloud, id) ? [] : [`${what} ${id} is not there`]);
const ofType = (cloud, type) => Object.values(cloud).filter((each) => each.type === `azure-native:${type}`);

/** Whether a principal holds a role whose scope covers `id`. */
const holds = (cloud, principal, role, id) =>
  ofType(cloud, 'authorization:RoleAssignment').some(
    ({ inputs }) =>
      inputs.principalId === principal && inputs.roleDefinitionId.endsWith(role) && id.startsWith(inputs.scope),
  );

const pullImages = '7f951dda-4ed3-4680-a7ca-43fe172d538d';

/** Why an identity cannot pull an image: Azure finds that out while it makes what runs it. */
function pullProblems(cloud, identities, image) {
  const registry = Object.entries(cloud).find(
    ([, { type, outputs }]) => type.endsWith(':Registry') && image.startsWith(`${outputs.loginServer}/`),
  );
  if (!registry) return [];
  const principals = identities.map((id) => found(cloud, id)?.outputs.principalId);
  return principals.some((principal) => holds(cloud, principal, pullImages, registry[0]))
    ? []
    : [`the image ${image} cannot be pulled: no identity has AcrPull on ${registry[0]} yet`];
}

const endpointId = (inputs) => `${workspaceId(inputs)}/onlineEndpoints/${inputs.endpointName}`;

/** What the shares of an endpoint are: written by the step that moves requests. */
const trafficOf = (cloud, id) => {
  const [, group_, workspace, endpoint] =
    /resourceGroups\/([^/]+)\/.*\/workspaces\/([^/]+)\/onlineEndpoints\/([^/]+)/.exec(id) ?? [];
  const [step] = ofType(cloud, 'resources:Deployment').filter(
    ({ inputs }) =>
      inputs.resourceGroupName === group_ &&
      inputs.properties.template.resources[0].name === `${workspace}/${endpoint}`,
  );
  return step?.inputs.properties.template.resources[0].properties ?? {};
};

function deploymentProblems(inputs, cloud) {
  const { properties, sku } = inputs;
  const endpoint = found(cloud, endpointId(inputs));
  if (!endpoint) return [`the endpoint ${inputs.endpointName} is not there`];
  const environment = found(cloud, properties.environmentId);
  return [
    ...missing(cloud, properties.environmentId, 'the environment'),
    ...(environment
      ? pullProblems(cloud, endpoint.inputs.identity.userAssignedIdentities, environment.inputs.properties.image)
      : []),
    ...(sku.capacity >= 1 ? [] : ['a deployment has at least one instance']),
    ...(/^[A-Za-z][A-Za-z0-9-]{2,31}$/.test(inputs.deploymentName)
      ? []
      : [`'${inputs.deploymentName}' is no name for a deployment`]),
  ];
}

/** The step writes an endpoint; the shares have to fit what is there. */
function templateProblems({ resourceGroupName, properties }, cloud) {
  const [resource] = properties.template.resources;
  const [workspaceName, endpointName] = resource.name.split('/');
  const id = endpointId({ resourceGroupName, workspaceName, endpointName });
  const { traffic = {}, mirrorTraffic = {} } = resource.properties;
  const sum = (shares) => Object.values(shares).reduce((total, share) => total + share, 0);
  return [
    ...missing(cloud, id, 'the endpoint'),
    ...Object.keys({ ...traffic, ...mirrorTraffic }).flatMap((name) =>
      missing(cloud, `${id}/deployments/${name}`, 'the deployment'),
    ),
    ...([0, 100].includes(sum(traffic)) ? [] : [`traffic adds to ${sum(traffic)} percent`]),
    ...(sum(mirrorTraffic) <= 50 ? [] : [`${sum(mirrorTraffic)} percent is mirrored, more than 50`]),
  ];
}

const endpointRule = {
  autoname: 'endpointName',
  separator: '',
  replaceOn: ['endpointName', 'workspaceName', 'resourceGroupName', 'location'],
  id: endpointId,
  outputs: (inputs) => ({
    name: inputs.endpointName,
    properties: {
      ...inputs.properties,
      provisioningState: 'Succeeded',
      scoringUri: `https://${inputs.endpointName}.${inputs.location}.inference.ml.azure.com/score`,
    },
  }),
  refuse: (inputs, cloud) => [
    ...missing(cloud, workspaceId(inputs), 'the workspace'),
    ...inputs.identity.userAssignedIdentities.flatMap((id) => missing(cloud, id, 'the identity')),
    ...(/^[A-Za-z](-?[A-Za-z0-9]){2,31}$/.test(inputs.endpointName)
      ? []
      : [`'${inputs.endpointName}' is no name for an endpoint`]),
    ...(inputs.properties.traffic ? ['traffic names deployments that cannot be there yet'] : []),
  ],
  /** With an endpoint, its deployments go. */
  removes: (id) => (other) => other.startsWith(`${id}/`),
};

const accountId = (inputs) => provided('Microsoft.Storage', 'storageAccounts', 'accountName')(inputs);
const registryId = (inputs) => provided('Microsoft.ContainerRegistry', 'registries', 'registryName')(inputs);
const blobUrl = ({ accountName, containerName, blobName }) =>
  `https://${accountName}.blob.core.windows.net/${containerName}/${blobName}`;

/** A build in the registry: it reads its context by a signed address, while that holds. */
function taskProblems(inputs, cloud) {
  const { type, dockerFilePath, sourceLocation } = inputs.runRequest;
  const [url, query] = sourceLocation.split('?');
  const until = Date.parse(new URLSearchParams(query).get('se') ?? '');
  const blob = cloud[url];
  const holds = blob
    ? spawnSync('tar', ['-tzf', blob.inputs.source.path], { encoding: 'utf8' }).stdout.split('\n')
    : [];
  return [
    ...missing(cloud, registryId(inputs), 'the registry'),
    ...(type === 'DockerBuildRequest' ? [] : [`unknown request ${type}`]),
    ...(until > Date.now() ? [] : [`the address of the context may not be read: ${query}`]),
    ...(holds.includes(dockerFilePath) ? [] : [`no ${dockerFilePath} in ${url}`]),
  ];
}

const types = {
  'azure-native:resources:ResourceGroup': {
    autoname: 'resourceGroupName',
    separator: '',
    replaceOn: ['resourceGroupName', 'location'],
    id: (inputs) => group(inputs),
    outputs: (inputs) => ({ name: inputs.resourceGroupName }),
  },
  'azure-native:resources:Deployment': {
    autoname: 'deploymentName',
    separator: '',
    replaceOn: ['deploymentName', 'resourceGroupName'],
    id: provided('Microsoft.Resources', 'deployments', 'deploymentName'),
    refuse: templateProblems,
  },
  'azure-native:managedidentity:UserAssignedIdentity': inGroup(
    'Microsoft.ManagedIdentity',
    'userAssignedIdentities',
    'resourceName',
    {
      outputs: (inputs) => ({
        name: inputs.resourceName,
        principalId: `principal-${digest(inputs.resourceName)}`,
        clientId: `client-${digest(inputs.resourceName)}`,
      }),
    },
  ),
  'azure-native:authorization:RoleAssignment': {
    autoname: 'roleAssignmentName',
    replaceOn: ['roleAssignmentName', 'principalId', 'roleDefinitionId', 'scope'],
    id: (inputs) => `${inputs.scope}/providers/Microsoft.Authorization/roleAssignments/${inputs.roleAssignmentName}`,
    refuse: ({ principalId, roleDefinitionId, scope, roleAssignmentName }, cloud) =>
      ofType(cloud, 'authorization:RoleAssignment').some(
        ({ inputs }) =>
          inputs.roleAssignmentName !== roleAssignmentName &&
          inputs.principalId === principalId &&
          inputs.roleDefinitionId === roleDefinitionId &&
          inputs.scope === scope,
      )
        ? ['RoleAssignmentExists: the role is given already']
        : [],
  },
  'azure-native:authorization:RoleDefinition': {
    autoname: 'roleDefinitionId',
    replaceOn: ['roleDefinitionId', 'scope'],
    id: (inputs) => `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${inputs.roleDefinitionId}`,
  },
  'azure-native:storage:StorageAccount': inGroup('Microsoft.Storage', 'storageAccounts', 'accountName', {
    refuse: ({ accountName }) =>
      /^[a-z0-9]{3,24}$/.test(accountName) ? [] : [`'${accountName}' is no name for a storage account`],
  }),
  'azure-native:storage:BlobContainer': {
    replaceOn: ['accountName', 'containerName', 'resourceGroupName'],
    id: (inputs) => `${accountId(inputs)}/blobServices/default/containers/${inputs.containerName}`,
    outputs: (inputs) => ({ name: inputs.containerName }),
    refuse: (inputs, cloud) => missing(cloud, accountId(inputs), 'the storage account'),
  },
  'azure-native:storage:Blob': {
    replaceOn: ['accountName', 'containerName', 'blobName', 'resourceGroupName'],
    id: blobUrl,
    outputs: (inputs) => ({ name: inputs.blobName, url: blobUrl(inputs) }),
    refuse: (inputs, cloud) => [
      ...missing(
        cloud,
        `${accountId(inputs)}/blobServices/default/containers/${inputs.containerName}`,
        'the container of blobs',
      ),
      ...(existsSync(inputs.source.path) ? [] : [`there is no file ${inputs.source.path}`]),
    ],
  },
  'azure-native:containerregistry:TaskRun': {
    autoname: 'taskRunName',
    separator: '',
    replaceOn: ['taskRunName', 'registryName', 'resourceGroupName'],
    id: (inputs) => `${registryId(inputs)}/taskRuns/${inputs.taskRunName}`,
    refuse: taskProblems,
    outputs: ({ runRequest }) => ({
      runResult: {
        status: 'Succeeded',
        runErrorMessage: '',
        outputImages: [{ digest: `sha256:${digest(runRequest.sourceLocation.split('?')[0], 64)}` }],
      },
    }),
  },
  'azure-native:keyvault:Vault': inGroup('Microsoft.KeyVault', 'vaults', 'vaultName', {
    refuse: ({ vaultName }) =>
      /^[A-Za-z](-?[A-Za-z0-9]){2,23}$/.test(vaultName) ? [] : [`'${vaultName}' is no name for a vault`],
  }),
  'azure-native:containerregistry:Registry': inGroup('Microsoft.ContainerRegistry', 'registries', 'registryName', {
    outputs: (inputs) => ({ name: inputs.registryName, loginServer: `${inputs.registryName}.azurecr.io` }),
    refuse: ({ registryName }) =>
      /^[A-Za-z0-9]{5,50}$/.test(registryName) ? [] : [`'${registryName}' is no name for a registry`],
  }),
  'azure-native:operationalinsights:Workspace': inGroup('Microsoft.OperationalInsights', 'workspaces', 'workspaceName'),
  'azure-native:applicationinsights:Component': inGroup('Microsoft.Insights', 'components', 'resourceName'),
  'azure-native:machinelearningservices:Workspace': inGroup(
    'Microsoft.MachineLearningServices',
    'workspaces',
    'workspaceName',
    {
      refuse: ({ storageAccount, keyVault, applicationInsights }, cloud) =>
        [storageAccount, keyVault, applicationInsights].flatMap((id) => missing(cloud, id, 'what the workspace needs')),
    },
  ),
  'azure-native:machinelearningservices:EnvironmentVersion': {
    replaceOn: ['name', 'version', 'workspaceName', 'resourceGroupName'],
    id: (inputs) => `${workspaceId(inputs)}/environments/${inputs.name}/versions/${inputs.version}`,
    refuse: (inputs, cloud) => missing(cloud, workspaceId(inputs), 'the workspace'),
  },
  'azure-native:machinelearningservices:ModelVersion': {
    replaceOn: ['name', 'version', 'workspaceName', 'resourceGroupName'],
    id: (inputs) => `${workspaceId(inputs)}/models/${inputs.name}/versions/${inputs.version}`,
    refuse: (inputs, cloud) => missing(cloud, workspaceId(inputs), 'the workspace'),
  },
  'azure-native:machinelearningservices:OnlineEndpoint': endpointRule,
  'azure-native:machinelearningservices:OnlineDeployment': {
    autoname: 'deploymentName',
    separator: '',
    replaceOn: ['deploymentName', 'endpointName', 'workspaceName', 'resourceGroupName', 'location'],
    id: (inputs) => `${endpointId(inputs)}/deployments/${inputs.deploymentName}`,
    outputs: (inputs) => ({ name: inputs.deploymentName }),
    refuse: deploymentProblems,
    keeps: (id, cloud) => {
      const { traffic = {} } = trafficOf(cloud, id);
      const share = traffic[id.split('/').at(-1)] ?? 0;
      return share > 0 ? [`the deployment takes ${share} percent of the requests; move them first`] : [];
    },
  },
  'azure-native:machinelearningservices:Schedule': {
    replaceOn: ['name', 'workspaceName', 'resourceGroupName'],
    id: (inputs) => `${workspaceId(inputs)}/schedules/${inputs.name}`,
    refuse: (inputs, cloud) => {
      const { deploymentId } = inputs.properties.action.monitorDefinition.monitoringTarget;
      const [, endpoint, deployment] = deploymentId.split(':');
      const id = `${workspaceId(inputs)}/onlineEndpoints/${endpoint}/deployments/${deployment}`;
      const { dataCollector } = cloud[id]?.inputs.properties ?? {};
      return [
        ...missing(cloud, id, 'what is monitored:'),
        ...(dataCollector ? [] : [`${id} captures nothing that could be monitored`]),
      ];
    },
  },
  'azure-native:dashboard:Dashboard': inGroup('Microsoft.Dashboard', 'dashboards', 'dashboardName'),
  'azure-native:dashboard:DashboardDefinition': {
    replaceOn: ['definitionName', 'dashboardName', 'resourceGroupName'],
    id: (inputs) =>
      `${group(inputs)}/providers/Microsoft.Dashboard/dashboards/${inputs.dashboardName}/dashboardDefinitions/${inputs.definitionName}`,
    refuse: (inputs, cloud) =>
      missing(
        cloud,
        `${group(inputs)}/providers/Microsoft.Dashboard/dashboards/${inputs.dashboardName}`,
        'the dashboard',
      ),
  },
  'azure-native:monitor:ActionGroup': inGroup('Microsoft.Insights', 'actionGroups', 'actionGroupName'),
  'azure-native:monitor:MetricAlert': inGroup('Microsoft.Insights', 'metricAlerts', 'ruleName', {
    refuse: ({ scopes, actions = [] }, cloud) => [
      ...scopes.flatMap((id) => missing(cloud, id, 'what is watched:')),
      ...actions.flatMap(({ actionGroupId }) => missing(cloud, actionGroupId, 'the action group')),
    ],
  }),
  'azure-native:monitor:ScheduledQueryRule': inGroup('Microsoft.Insights', 'scheduledQueryRules', 'ruleName', {
    refuse: ({ scopes }, cloud) => scopes.flatMap((id) => missing(cloud, id, 'the logs')),
  }),
  'azure-native:monitor:DiagnosticSetting': {
    autoname: 'name',
    separator: '',
    replaceOn: ['name', 'resourceUri'],
    id: (inputs) => `${inputs.resourceUri}/providers/Microsoft.Insights/diagnosticSettings/${inputs.name}`,
    refuse: ({ resourceUri, workspaceId }, cloud) => [
      ...missing(cloud, resourceUri, 'what is logged:'),
      ...missing(cloud, workspaceId, 'the logs'),
    ],
  },
  'azure-native:monitor:AutoscaleSetting': inGroup('Microsoft.Insights', 'autoscalesettings', 'autoscaleSettingName', {
    refuse: ({ targetResourceUri }, cloud) => missing(cloud, targetResourceUri, 'what is scaled:'),
  }),
};

Object.assign(types, appTypes({ inGroup, provided, missing, ofType, holds, pullProblems }));

/** What a program asks without making anything. */
const answers = {
  'azure-native:authorization:getClientConfig': {
    clientId: 'client',
    objectId: 'object',
    subscriptionId: '00000000-0000-0000-0000-000000000001',
    tenantId: '00000000-0000-0000-0000-000000000002',
  },
  'azure-native:storage:listStorageAccountServiceSAS': ({ canonicalizedResource, sharedAccessExpiryTime }) => ({
    serviceSasToken: `se=${encodeURIComponent(sharedAccessExpiryTime)}&sp=r&sig=${digest(canonicalizedResource)}`,
  }),
  'azure-native:authorization:getClientToken': { token: 'token-of-azure' },
};

module.exports = { types, answers };
