// Inputs of azure-native's resources against the schemas that Azure published: every problem with its path.
const schemas = require('./azure.json');

/** Key of the schema by type, and the inputs that are parts of the resource's path. */
const known = {
  'app:ContainerApp': ['Microsoft.App/containerApps@2025-02-02-preview', 'containerAppName'],
  'app:ManagedEnvironment': ['Microsoft.App/managedEnvironments@2025-02-02-preview', 'environmentName'],
  'applicationinsights:Component': ['Microsoft.Insights/components@2020-02-02', 'resourceName'],
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

/** azure-native writes every name in camel case, and some in other words. */
const plainName = (name) => name.replace(/[._]/g, '').toLowerCase();
const renamed = { enablehttpstrafficonly: 'supportsHttpsTrafficOnly' };

/** Azure's own name of an input; the input's where it has none. */
const azureName = (name, properties) =>
  renamed[plainName(name)] ?? Object.keys(properties).find((one) => plainName(one) === plainName(name)) ?? name;

/** Numbers with decimals, which the published schemas have no kind for and call whole ones. */
const decimal = /\.resources\.cpu$/;

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
    const which =
      value[discriminator] ?? value[Object.keys(value).find((name) => plainName(name) === plainName(discriminator))];
    if (which === unknown) return [];
    if (!(which in of)) return [`${at}.${discriminator}: ${shown(which)} is none of ${Object.keys(of).join(', ')}`];
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

function members(types, { properties = {}, additionalProperties }, inputs, at) {
  const value = Object.fromEntries(Object.entries(inputs).map(([name, each]) => [azureName(name, properties), each]));
  const place = (name) => (at ? `${at}.${name}` : name);
  const missing = Object.entries(properties)
    .filter(([name, member]) => has(member, 'required') && !has(member, 'readOnly') && value[name] === undefined)
    .map(([name]) => `${place(name)}: is missing`);
  const odd = Object.entries(value).flatMap(([name, each]) => {
    if (each === undefined || each === null) return [];
    const member = properties[name];
    if (member) {
      return has(member, 'readOnly') ? [`${place(name)}: is read-only`] : check(types, member.type, each, place(name));
    }
    return additionalProperties === undefined
      ? [`${place(name)}: is not there`]
      : check(types, additionalProperties, each, place(name));
  });
  return [...missing, ...odd];
}

function check(types, index, value, at) {
  if (value === unknown) return [];
  const type = types[index];
  return checks[type.kind](types, type, value, at);
}

/** The body that azure-native sends: what has no place at its top level stands in its properties. */
function bodyOf(types, body, inputs, path) {
  const top = types[body].properties;
  const nested = top.properties && types[top.properties.type];
  const flat = Object.entries(inputs).filter(([name]) => !path.includes(name) && name !== 'resourceGroupName');
  const outer = flat.filter(([name]) => name in top && !['id', 'name', 'type'].includes(name));
  const inner = flat.filter(([name]) => !outer.some(([other]) => other === name));
  const result = Object.fromEntries(outer);
  if (inner.length === 0) return nested && has(top.properties, 'required') ? { properties: {}, ...result } : result;
  return nested
    ? { ...result, properties: { ...result.properties, ...Object.fromEntries(inner) } }
    : { ...result, ...Object.fromEntries(inner) };
}

/**
 * What is wrong with the inputs of a resource, each problem with its path; without secrets' marks, unknown values as the engine marks them.
 *
 * @param type `azure-native:machinelearningservices:OnlineDeployment`
 */
function azureProblems(type, inputs) {
  const short = type.replace(/^azure-native:/, '');
  if (without.has(short)) return [];
  if (!known[short]) return [`no published schema for ${type}`];
  const [key, ...path] = known[short];
  const { body, types } = schemas[key];
  const problems = check(types, body, bodyOf(types, body, inputs, path), '');
  // azure-native gives the name, and the group's place where none is given.
  return problems.filter((problem) => !/^(name|location): is missing$/.test(problem));
}

module.exports = { azureProblems, azureTypes: known };
