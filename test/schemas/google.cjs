// Inputs of the gcp provider against Google's own message types: every problem with its path.
const { Root } = require('protobufjs');

/** The engine's mark of a value that is not known yet. */
const unknown = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

const roots = new Map();
function typeOf(name, pack) {
  if (!roots.has(pack)) roots.set(pack, Root.fromJSON(require(`${pack}/build/protos/protos.json`)));
  return roots.get(pack).lookupType(name);
}

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const shown = (value) => JSON.stringify(value);

/** Messages that JSON has a form of its own for. */
const forms = {
  Duration: (value) => /^-?\d+(\.\d{1,9})?s$/.test(value),
  Timestamp: (value) => !Number.isNaN(Date.parse(value)),
  FieldMask: (value) => typeof value === 'string',
  Struct: isObject,
  Value: () => true,
  ListValue: Array.isArray,
  Any: isObject,
  BoolValue: (value) => typeof value === 'boolean',
  StringValue: (value) => typeof value === 'string',
  DoubleValue: (value) => typeof value === 'number',
  FloatValue: (value) => typeof value === 'number',
  Int32Value: Number.isInteger,
  Int64Value: (value) => Number.isInteger(Number(value)),
};

const whole = (value) => Number.isInteger(value) || (typeof value === 'string' && /^-?\d+$/.test(value));
const scalars = {
  string: (value) => typeof value === 'string',
  bytes: (value) => typeof value === 'string',
  bool: (value) => typeof value === 'boolean',
  double: (value) => typeof value === 'number',
  float: (value) => typeof value === 'number',
};
const scalar = (kind, value) => (scalars[kind] ?? whole)(value);

function single(field, value, at) {
  if (value === unknown) return [];
  const type = field.resolvedType;
  if (!type) return scalar(field.type, value) ? [] : [`${at}: ${shown(value)} is no ${field.type}`];
  if (type.values) {
    return value in type.values || Object.values(type.values).includes(value)
      ? []
      : [`${at}: ${shown(value)} is none of ${Object.keys(type.values).join(', ')}`];
  }
  const form = type.parent?.fullName === '.google.protobuf' ? forms[type.name] : undefined;
  if (form) return form(value) ? [] : [`${at}: ${shown(value)} is no ${type.name}`];
  return isObject(value) ? messageProblems(type, value, at) : [`${at}: ${shown(value)} is no object`];
}

function fieldProblems(field, value, at) {
  field.resolve();
  if (value === unknown) return [];
  if (field.map) {
    return isObject(value)
      ? Object.entries(value).flatMap(([key, each]) => single(field, each, `${at}.${key}`))
      : [`${at}: ${shown(value)} is no object`];
  }
  if (field.repeated) {
    return Array.isArray(value)
      ? value.flatMap((each, index) => single(field, each, `${at}[${index}]`))
      : [`${at}: ${shown(value)} is no list`];
  }
  return single(field, value, at);
}

function messageProblems(type, value, at) {
  const place = (name) => (at ? `${at}.${name}` : name);
  const given = Object.entries(value).filter(([, each]) => each !== undefined && each !== null);
  const several = (type.oneofsArray ?? [])
    .filter(({ name }) => !name.startsWith('_'))
    .map(({ fieldsArray }) => fieldsArray.map(({ name }) => name).filter((name) => given.some(([one]) => one === name)))
    .filter(({ length }) => length > 1)
    .map((names) => `${at || type.name}: only one of ${names.join(', ')}`);
  return [
    ...several,
    ...given.flatMap(([name, each]) => {
      const field = type.fields[name];
      return field ? fieldProblems(field, each, place(name)) : [`${place(name)}: is not there`];
    }),
  ];
}

const without = (value, names) => Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));

/** A service as Cloud Run's own API has it. */
function serviceOf(inputs) {
  const { traffics, template, ...rest } = without(inputs, ['name', 'location', 'project', 'deletionProtection']);
  const containerOf = ({ envs, ports, dependsOns, ...container }) => ({
    ...container,
    ...(envs && { env: envs }),
    ...(ports && { ports: [ports] }),
    ...(dependsOns && { dependsOn: dependsOns }),
  });
  return {
    ...rest,
    ...(traffics && { traffic: traffics }),
    ...(template && { template: { ...template, containers: template.containers?.map(containerOf) } }),
  };
}

/** The same with an endpoint of Vertex AI. */
function endpointOf(inputs) {
  const { privateServiceConnectConfig, ...rest } = without(inputs, [
    ...['name', 'location', 'region', 'project', 'deletionPolicy'],
  ]);
  const { projectAllowlists, ...connection } = privateServiceConnectConfig ?? {};
  return {
    ...rest,
    ...(privateServiceConnectConfig && {
      privateServiceConnectConfig: { ...connection, ...(projectAllowlists && { projectAllowlist: projectAllowlists }) },
    }),
  };
}

const sloOf = ({ displayName, goal, rollingPeriodDays, requestBasedSli, userLabels }) => ({
  displayName,
  goal,
  ...(rollingPeriodDays !== undefined && { rollingPeriod: `${rollingPeriodDays * 86400}s` }),
  serviceLevelIndicator: { requestBased: requestBasedSli },
  ...(userLabels && { userLabels }),
});

const run = '@google-cloud/run';
const vertex = '@google-cloud/aiplatform';
const monitoring = '@google-cloud/monitoring';

/** The message of a type, the package that has it, and how inputs become one. */
const messages = {
  'gcp:cloudrunv2/service:Service': ['google.cloud.run.v2.Service', run, serviceOf],
  'gcp:vertex/aiEndpoint:AiEndpoint': ['google.cloud.aiplatform.v1.Endpoint', vertex, endpointOf],
  'gcp:monitoring/alertPolicy:AlertPolicy': [
    'google.monitoring.v3.AlertPolicy',
    monitoring,
    (inputs) => without(inputs, ['project']),
  ],
  'gcp:monitoring/slo:Slo': ['google.monitoring.v3.ServiceLevelObjective', monitoring, sloOf],
  'gcp:monitoring/genericService:GenericService': [
    'google.monitoring.v3.Service',
    monitoring,
    (inputs) => without(inputs, ['serviceId', 'project']),
  ],
  'gcp:monitoring/notificationChannel:NotificationChannel': [
    'google.monitoring.v3.NotificationChannel',
    monitoring,
    (inputs) => without(inputs, ['project', 'forceDelete']),
  ],
  'gcp:monitoring/dashboard:Dashboard': [
    'google.monitoring.dashboard.v1.Dashboard',
    '@google-cloud/monitoring-dashboards',
    ({ dashboardJson }) => JSON.parse(dashboardJson),
  ],
};

/** Unknown as a whole: nothing can be said of it yet. */
const isOpen = (inputs) => inputs.dashboardJson === unknown;

/**
 * What is wrong with the inputs of a resource, each problem with its path; nothing for types that no message was published of.
 *
 * @param type `gcp:cloudrunv2/service:Service`
 */
function googleProblems(type, inputs) {
  if (!messages[type] || isOpen(inputs)) return [];
  const [name, pack, convert] = messages[type];
  return messageProblems(typeOf(name, pack), convert(inputs), '');
}

module.exports = { googleProblems, googleTypes: messages };
