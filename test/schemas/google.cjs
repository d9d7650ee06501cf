// Inputs of the gcp provider against Google's own message types: every problem with its path.
const { Root } = require('protobufjs');

/** The engine's mark of a value that is not known yet. */
const unknown = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

const roots = new Map();
function messageOf(name, pack) {
  if (!roots.has(pack)) roots.set(pack, Root.fromJSON(require(`${pack}/build/protos/protos.json`)));
  return roots.get(pack).lookupType(name);
}

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const shown = (value) => JSON.stringify(value);

const isText = (value) => typeof value === 'string';
const isNumber = (value) => Number.isFinite(value);
/** JSON has whole numbers of 64 bits as texts, too. */
const isLong = (value) => Number.isInteger(value) || (isText(value) && /^-?\d+$/.test(value));

/** Messages that JSON has a form of its own for. */
const forms = {
  Duration: (value) => isText(value) && /^-?\d+(\.\d{1,9})?s$/.test(value),
  Timestamp: (value) =>
    isText(value) && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(value) && !!Date.parse(value),
  FieldMask: isText,
  Struct: isObject,
  Value: () => true,
  ListValue: Array.isArray,
  Any: isObject,
  Empty: isObject,
  BoolValue: (value) => typeof value === 'boolean',
  StringValue: isText,
  DoubleValue: isNumber,
  FloatValue: isNumber,
  Int32Value: Number.isInteger,
  UInt32Value: Number.isInteger,
  Int64Value: isLong,
  UInt64Value: isLong,
};

const scalars = {
  string: isText,
  bytes: isText,
  bool: (value) => typeof value === 'boolean',
  double: isNumber,
  float: isNumber,
  int64: isLong,
  uint64: isLong,
};
const isScalar = (kind, value) => (scalars[kind] ?? Number.isInteger)(value);

/** The provider has a list in the plural, and one that holds a single thing as that thing. */
const single = new Set(['.google.cloud.run.v2.Container.ports']);
const fieldOf = ({ fields }, name) => {
  const one = fields[name.replace(/s$/, '')];
  return Object.hasOwn(fields, name) ? fields[name] : one?.repeated ? one : undefined;
};

const behaves = ({ options = {} }, how) => options['(google.api.field_behavior)'] === how;

function oneProblems(field, value, at) {
  if (value === unknown) return [];
  const type = field.resolvedType;
  if (!type) return isScalar(field.type, value) ? [] : [`${at}: ${shown(value)} is no ${field.type}`];
  if (type.values) {
    return Object.hasOwn(type.values, value)
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
  if (behaves(field, 'OUTPUT_ONLY')) return [`${at}: is read-only`];
  if (field.map) {
    return isObject(value)
      ? Object.entries(value).flatMap(([key, each]) => oneProblems(field, each, `${at}.${key}`))
      : [`${at}: ${shown(value)} is no object`];
  }
  if (!field.repeated || single.has(field.fullName)) return oneProblems(field, value, at);
  return Array.isArray(value)
    ? value.flatMap((each, index) => oneProblems(field, each, `${at}[${index}]`))
    : [`${at}: ${shown(value)} is no list`];
}

function messageProblems(type, value, at) {
  const place = (name) => (at ? `${at}.${name}` : name);
  const given = Object.keys(value).filter((name) => value[name] !== undefined && value[name] !== null);
  const set = new Set(given.map((name) => fieldOf(type, name)?.name));
  const several = (type.oneofsArray ?? [])
    .filter(({ name }) => !name.startsWith('_'))
    .map(({ fieldsArray }) => fieldsArray.map(({ name }) => name).filter((name) => set.has(name)))
    .filter(({ length }) => length > 1)
    .map((names) => `${at || type.name}: only one of ${names.join(', ')}`);
  const missing = type.fieldsArray
    .filter((field) => behaves(field, 'REQUIRED') && !set.has(field.name))
    .map(({ name }) => `${place(name)}: is missing`);
  const odd = given.flatMap((name) => {
    const field = fieldOf(type, name);
    return field ? fieldProblems(field, value[name], place(name)) : [`${place(name)}: is not there`];
  });
  return [...several, ...missing, ...odd];
}

/** An objective in Google's words; what it goes over is beside it. */
const sloOf = ({ rollingPeriodDays, requestBasedSli, service: _, sloId, ...rest }) => ({
  ...rest,
  ...(rollingPeriodDays !== undefined && { rollingPeriod: `${rollingPeriodDays * 86400}s` }),
  serviceLevelIndicator: { requestBased: requestBasedSli },
});

const run = '@google-cloud/run';
const vertex = '@google-cloud/aiplatform';
const monitoring = '@google-cloud/monitoring';

/** The message of a type, the package that has it, and the inputs that are parts of the resource's path or the provider's own. */
const known = {
  'gcp:cloudrunv2/service:Service': ['google.cloud.run.v2.Service', run, 'location', 'deletionProtection'],
  'gcp:vertex/aiEndpoint:AiEndpoint': ['google.cloud.aiplatform.v1.Endpoint', vertex, 'location', 'region'],
  'gcp:monitoring/alertPolicy:AlertPolicy': ['google.monitoring.v3.AlertPolicy', monitoring],
  'gcp:monitoring/slo:Slo': ['google.monitoring.v3.ServiceLevelObjective', monitoring],
  'gcp:monitoring/customService:CustomService': ['google.monitoring.v3.Service', monitoring, 'serviceId'],
  'gcp:monitoring/genericService:GenericService': ['google.monitoring.v3.Service', monitoring, 'serviceId'],
  'gcp:monitoring/notificationChannel:NotificationChannel': [
    'google.monitoring.v3.NotificationChannel',
    monitoring,
    'forceDelete',
  ],
  'gcp:monitoring/dashboard:Dashboard': [
    'google.monitoring.dashboard.v1.Dashboard',
    '@google-cloud/monitoring-dashboards',
  ],
};
/** The same for each of them. */
const ofProvider = ['name', 'project', 'deletionPolicy'];

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * What is wrong with the inputs of a resource, each problem with its path; nothing for types that no message was published of.
 *
 * @param type `gcp:cloudrunv2/service:Service`
 */
function googleProblems(type, inputs) {
  if (!Object.hasOwn(known, type)) return [];
  const [name, pack, ...path] = known[type];
  const message = messageOf(name, pack);
  if (type.endsWith(':Dashboard')) {
    if (typeof inputs.dashboardJson !== 'string' || inputs.dashboardJson === unknown) return [];
    const dashboard = parsed(inputs.dashboardJson);
    return isObject(dashboard) ? messageProblems(message, dashboard, '') : ['dashboardJson: is no object of JSON'];
  }
  const names = Object.keys(inputs).filter((each) => ![...path, ...ofProvider].includes(each));
  const own = Object.fromEntries(names.map((each) => [each, inputs[each]]));
  return messageProblems(message, type.endsWith(':Slo') ? sloOf(own) : own, '');
}

module.exports = { googleProblems, messageOf, messageProblems, single };
