// Inputs of azure-native's resources against the schemas that Azure published: every problem with its path.
const schemas = require('./azure.json');
const { argumentsOf } = require('./declarations.cjs');

/** Key of the schema by type, and the inputs that are parts of the resource's path. */
const known = {
  'alertsmanagement:PrometheusRuleGroup': [
    'Microsoft.AlertsManagement/prometheusRuleGroups@2023-03-01',
    'ruleGroupName',
  ],
  'app:ContainerApp': ['Microsoft.App/containerApps@2025-02-02-preview', 'containerAppName'],
  'app:ManagedEnvironment': ['Microsoft.App/managedEnvironments@2025-02-02-preview', 'environmentName'],
  'applicationinsights:Component': ['Microsoft.Insights/components@2020-02-02', 'resourceName'],
  'applicationinsights:Workbook': ['Microsoft.Insights/workbooks@2023-06-01', 'resourceName'],
  'authorization:RoleAssignment': ['Microsoft.Authorization/roleAssignments@2022-04-01', 'scope', 'roleAssignmentName'],
  'consumption:Budget': ['Microsoft.Consumption/budgets@2024-08-01', 'scope', 'budgetName'],
  'containerregistry:Registry': ['Microsoft.ContainerRegistry/registries@2023-01-01-preview', 'registryName'],
  'containerregistry:TaskRun': [
    'Microsoft.ContainerRegistry/registries/taskRuns@2019-06-01-preview',
    'registryName',
    'taskRunName',
  ],
  'dashboard:Dashboard': ['Microsoft.Dashboard/dashboards@2024-11-01-preview', 'dashboardName'],
  'dashboard:DashboardDefinition': [
    'Microsoft.Dashboard/dashboards/dashboardDefinitions@2025-09-01-preview',
    'dashboardName',
    'definitionName',
  ],
  'dashboard:Grafana': ['Microsoft.Dashboard/grafana@2024-10-01', 'workspaceName'],
  'keyvault:Vault': ['Microsoft.KeyVault/vaults@2024-11-01', 'vaultName'],
  'machinelearningservices:EnvironmentVersion': [
    'Microsoft.MachineLearningServices/workspaces/environments/versions@2025-12-01',
    'workspaceName',
    'name',
    'version',
  ],
  'machinelearningservices:ModelVersion': [
    'Microsoft.MachineLearningServices/workspaces/models/versions@2025-12-01',
    'workspaceName',
    'name',
    'version',
  ],
  'machinelearningservices:OnlineDeployment': [
    'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments@2025-12-01',
    'workspaceName',
    'endpointName',
    'deploymentName',
  ],
  'machinelearningservices:OnlineEndpoint': [
    'Microsoft.MachineLearningServices/workspaces/onlineEndpoints@2025-12-01',
    'workspaceName',
    'endpointName',
  ],
  'machinelearningservices:Schedule': [
    'Microsoft.MachineLearningServices/workspaces/schedules@2025-12-01',
    'workspaceName',
    'name',
  ],
  'machinelearningservices:Workspace': ['Microsoft.MachineLearningServices/workspaces@2025-12-01', 'workspaceName'],
  'managedidentity:UserAssignedIdentity': [
    'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31',
    'resourceName',
  ],
  'monitor:ActionGroup': ['Microsoft.Insights/actionGroups@2024-10-01-preview', 'actionGroupName'],
  'monitor:AutoscaleSetting': ['Microsoft.Insights/autoscalesettings@2021-05-01-preview', 'autoscaleSettingName'],
  'monitor:AzureMonitorWorkspace': ['Microsoft.Monitor/accounts@2023-04-03', 'azureMonitorWorkspaceName'],
  'monitor:DiagnosticSetting': ['Microsoft.Insights/diagnosticSettings@2021-05-01-preview', 'resourceUri', 'name'],
  'monitor:MetricAlert': ['Microsoft.Insights/metricAlerts@2018-03-01', 'ruleName'],
  'monitor:ScheduledQueryRule': ['Microsoft.Insights/scheduledQueryRules@2025-01-01-preview', 'ruleName'],
  'operationalinsights:Workspace': ['Microsoft.OperationalInsights/workspaces@2023-09-01', 'workspaceName'],
  'resources:Deployment': ['Microsoft.Resources/deployments@2024-03-01', 'deploymentName'],
  'resources:ResourceGroup': ['Microsoft.Resources/resourceGroups@2024-03-01', 'resourceGroupName'],
  'storage:BlobContainer': [
    'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01',
    'accountName',
    'containerName',
  ],
  'storage:StorageAccount': ['Microsoft.Storage/storageAccounts@2024-01-01', 'accountName'],
};

/** Made by azure-native otherwise than by one document: no schema was copied of them, and the SDK's declarations have to do. */
const without = new Set(['authorization:RoleDefinition', 'storage:Blob', 'app:ContainerAppsAuthConfig']);

/** The engine's mark of a value that is not known yet. */
const unknown = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

/** azure-native begins every name in lower case and drops what is no letter. */
const inputName = (name) =>
  name.replace(/^[A-Z]/, (letter) => letter.toLowerCase()).replace(/[._](\w)/g, (_, letter) => letter.toUpperCase());

/** What it calls otherwise, by its place in the body. */
const renamed = {
  'containerregistry:Registry': { 'properties.networkRuleSet.ipRules.value': 'iPAddressOrRange' },
  'storage:StorageAccount': {
    'properties.supportsHttpsTrafficOnly': 'enableHttpsTrafficOnly',
    'properties.isNfsV3Enabled': 'enableNfsV3',
    'properties.networkAcls.ipRules.value': 'iPAddressOrRange',
    'properties.networkAcls.virtualNetworkRules.id': 'virtualNetworkResourceId',
    'properties.networkAcls': 'networkRuleSet',
    'properties.encryption.identity.federatedIdentityClientId': 'encryptionFederatedIdentityClientId',
    'properties.encryption.identity.userAssignedIdentity': 'encryptionUserAssignedIdentity',
    'properties.encryption.identity': 'encryptionIdentity',
    'properties.encryption.keyvaultproperties.keyname': 'keyName',
    'properties.encryption.keyvaultproperties.keyvaulturi': 'keyVaultUri',
    'properties.encryption.keyvaultproperties.keyversion': 'keyVersion',
    'properties.encryption.keyvaultproperties': 'keyVaultProperties',
  },
};

/** Numbers with decimals, which the published schemas have no kind for and call whole ones. */
const decimal = /(^|\.)(resources\.cpu|threshold(\.value)?|amount|dailyQuotaGb|samplingPercentage|samplingRate)$/;

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const shown = (value) => JSON.stringify(value);
const has = ({ flags = [] }, flag) => flags.includes(flag);

/** Whether a type is nothing but literals, or literals and any text: the texts that are known then. */
function literalsOf(types, { of }) {
  const parts = of.map((index) => types[index]);
  const literals = parts.filter(({ kind }) => kind === 'literal').map(({ value }) => value);
  const rest = parts.filter(({ kind }) => kind !== 'literal');
  return literals.length > 0 && rest.every(({ kind, pattern }) => kind === 'string' && !pattern) ? literals : null;
}

const checks = {
  any: () => [],
  boolean: (_types, _type, value, at) => (typeof value === 'boolean' ? [] : [`${at}: ${shown(value)} is no boolean`]),
  integer(_types, { minValue, maxValue }, value, at) {
    if (decimal.test(at) ? !Number.isFinite(value) : !Number.isInteger(value)) {
      return [`${at}: ${shown(value)} is no ${decimal.test(at) ? '' : 'whole '}number`];
    }
    if (minValue !== undefined && value < minValue) return [`${at}: ${value} is below ${minValue}`];
    return maxValue !== undefined && value > maxValue ? [`${at}: ${value} is above ${maxValue}`] : [];
  },
  string(_types, { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern }, value, at) {
    if (typeof value !== 'string') return [`${at}: ${shown(value)} is no text`];
    if (value.length < minLength) return [`${at}: '${value}' is shorter than ${minLength}`];
    if (value.length > maxLength) return [`${at}: '${value}' is longer than ${maxLength}`];
    return pattern && !new RegExp(pattern, 'u').test(value) ? [`${at}: '${value}' does not match ${pattern}`] : [];
  },
  literal: (_types, { value: only }, value, at) =>
    value === only ? [] : [`${at}: ${shown(value)} is not ${shown(only)}`],
  array(types, { items, maxLength = Number.POSITIVE_INFINITY }, value, at) {
    if (!Array.isArray(value)) return [`${at}: ${shown(value)} is no list`];
    if (value.length > maxLength) return [`${at}: ${value.length} entries, most ${maxLength}`];
    return value.flatMap((each, index) => check(types, items, each, `${at}[${index}]`));
  },
  union(types, type, value, at) {
    const literals = literalsOf(types, type);
    if (literals) return literals.includes(value) ? [] : [`${at}: ${shown(value)} is none of ${literals.join(', ')}`];
    const answers = type.of.map((index) => check(types, index, value, at));
    return answers.some(({ length }) => length === 0) ? [] : answers[0];
  },
  oneOf(types, { discriminator, of, properties }, value, at) {
    if (!isObject(value)) return [`${at}: ${shown(value)} is no object`];
    const which = value[discriminator];
    const place = `${at}.${discriminator}`;
    if (which === unknown) return [];
    if (which === undefined) return [`${place}: is missing`];
    if (!Object.hasOwn(of, which)) return [`${place}: ${shown(which)} is none of ${Object.keys(of).join(', ')}`];
    const one = types[of[which]];
    return members(types, { ...one, properties: { ...properties, ...one.properties } }, value, at);
  },
  object(types, type, value, at) {
    // azure-native takes identities as a list, Azure as the keys of an object.
    const given =
      Array.isArray(value) && type.additionalProperties !== undefined
        ? Object.fromEntries(value.map((each) => [each, {}]))
        : value;
    return isObject(given) ? members(types, type, given, at) : [`${at}: ${shown(value)} is no object`];
  },
};

function members(types, { properties = {}, additionalProperties }, value, at) {
  const place = (name) => (at ? `${at}.${name}` : name);
  const isGiven = (name) => value[name] !== undefined && value[name] !== null;
  const missing = Object.entries(properties)
    .filter(([name, member]) => has(member, 'required') && !has(member, 'readOnly') && !isGiven(name))
    .map(([name]) => `${place(name)}: is missing`);
  const odd = Object.keys(value)
    .filter(isGiven)
    .flatMap((name) => {
      const member = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (member && has(member, 'readOnly')) return [`${place(name)}: is read-only`];
      const type = member ? member.type : additionalProperties;
      return type === undefined ? [`${place(name)}: is not there`] : check(types, type, value[name], place(name));
    });
  return [...missing, ...odd];
}

function check(types, index, value, at) {
  if (value === unknown) return [];
  const type = types[index];
  return checks[type.kind](types, type, value, at);
}

const byName = (properties) =>
  Object.fromEntries(Object.entries(properties).map(([name, member]) => [inputName(name), member]));

/** Calls a member, by its place from a type on, by another name. */
function rename(types, index, [first, ...rest], name) {
  if (types[index].kind === 'array') return rename(types, types[index].items, [first, ...rest], name);
  const { properties } = types[index];
  if (rest.length > 0) return rename(types, properties[first].type, rest, name);
  properties[name] = properties[first];
  delete properties[first];
}

/** The types of a resource's schema, their members by azure-native's names. */
function typesOf(short) {
  const { body, types } = schemas[known[short][0]];
  const named = types.map(({ properties, discriminator, ...type }) => ({
    ...type,
    ...(properties && { properties: byName(properties) }),
    ...(discriminator && { discriminator: inputName(discriminator) }),
  }));
  for (const [path, name] of Object.entries(renamed[short] ?? {})) rename(named, body, path.split('.'), name);
  return { body, types: named };
}

/** ARM gives these to every resource; of the same names in `properties` an input is meant. */
const ofArm = ['id', 'name', 'type', 'apiVersion', 'systemData'];

/**
 * The body's members as azure-native takes them: one to one, or, where the SDK declares no `properties`, those of `properties` beside
 * the others.
 */
function membersOfBody(type, types, body) {
  const { properties, ...top } = types[body].properties;
  const outer = Object.fromEntries(Object.entries(top).filter(([name]) => !ofArm.includes(name)));
  if (!properties || argumentsOf(type).has('properties')) return { ...outer, ...(properties && { properties }) };
  return { ...types[properties.type].properties, ...outer };
}

/** The types of a resource's schema, the members that its inputs may have, and the inputs that are parts of its path. */
function schemaOf(type) {
  const short = type.replace(/^azure-native:/, '');
  const { body, types } = typesOf(short);
  const path = [...known[short].slice(1), 'resourceGroupName'].filter((name) => argumentsOf(type).has(name));
  return { types, properties: membersOfBody(type, types, body), path };
}

const read = new Map();

/**
 * What is wrong with the inputs of a resource, each problem with the input's path; without secrets' marks, unknown values as the engine
 * marks them.
 *
 * @param type `azure-native:machinelearningservices:OnlineDeployment`
 */
function azureProblems(type, inputs) {
  const short = type.replace(/^azure-native:/, '');
  if (without.has(short)) return [];
  if (!Object.hasOwn(known, short)) return [`no published schema for ${type}`];
  if (!read.has(type)) read.set(type, schemaOf(type));
  const { types, properties, path } = read.get(type);
  const own = Object.entries(inputs).filter(([name]) => !path.includes(name));
  const problems = members(types, { properties }, Object.fromEntries(own), '');
  // azure-native gives the group's place where none is given.
  return problems.filter((problem) => problem !== 'location: is missing');
}

module.exports = { azureProblems, azureTypes: known, decimal, schemaOf };
