// A cloud that is a JSON file: the engine's provider for one package. It keeps state, refuses what the cloud refuses, writes each call as
// a line of JSON, and fails where it is told to.
//
// CLOUD_DIR: folder of <package>.json and calls.jsonl. CLOUD_FAIL: `<method>:<part of the URN>`, comma-separated: these calls fail.
// CLOUD_SLOW_MS: every create takes so long; with CLOUD_SLOW only those whose URN has it.
const { appendFileSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { createHash } = require('node:crypto');
const { join } = require('node:path');
const provider = require('@pulumi/pulumi/proto/provider_pb');
const { PluginInfo } = require('@pulumi/pulumi/proto/plugin_pb');
const { ResourceProviderService } = require('@pulumi/pulumi/proto/provider_grpc_pb');
const { Empty } = require('google-protobuf/google/protobuf/empty_pb');
const { Struct } = require('google-protobuf/google/protobuf/struct_pb');
const { grpc, serve } = require('./serve.cjs');
const { publishedProblems } = require('../../../schemas/published.cjs');
const { differences, hasUnknown, plain, redacted } = require('./values.cjs');

const [, , name] = process.argv;
const { types, answers = {} } = require(`./rules/${name}.cjs`);
const folder = process.env.CLOUD_DIR;
const failures = (process.env.CLOUD_FAIL ?? '')
  .split(',')
  .filter(Boolean)
  .map((each) => each.split(/:(.*)/s));
const { CLOUD_SLOW_MS = '0', CLOUD_SLOW = '' } = process.env;
const file = join(folder, `${name}.json`);

const load = () => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {});
function save(state) {
  const scratch = `${file}.${process.pid}`;
  writeFileSync(scratch, JSON.stringify(state, null, 1));
  renameSync(scratch, file);
}

/** A type without a rule: a plausible id, its inputs back. */
const ruleFor = (type, resource) => ({
  replaceOn: ['location', 'project'],
  separator: '-',
  id: () => `${type.replace(/[:/]+/g, '/')}/${resource}`,
  ...types[type],
});

const js = (struct) => (struct ? struct.toJavaScript() : {});
const refused = (code, details) => Object.assign(new Error(details), { code, details });
function partsOf(urn) {
  const [, , types, ...rest] = urn.split('::');
  return { type: types.split('$').at(-1), name: rest.join('::') };
}
const log = (method, urn, entry) =>
  appendFileSync(
    join(folder, 'calls.jsonl'),
    `${JSON.stringify({ package: name, method, ...(urn && partsOf(urn)), ...redacted(entry) })}\n`,
  );

/** Every method: injected failures, a line of the log, an error as the protocol has it. */
const method = (called, body) => async (call, answer) => {
  const urn = call.request.getUrn?.() ?? '';
  try {
    if (failures.some(([which, part]) => which === called && urn.includes(part))) {
      throw refused(grpc.status.UNKNOWN, `injected failure of ${called}`);
    }
    const [response, entry] = await body(call.request, urn && { urn, ...partsOf(urn) });
    if (entry) log(called, urn, entry);
    answer(null, response);
  } catch (error) {
    log(called, urn, { error: error.details ?? error.stack });
    answer(error.code === undefined ? refused(grpc.status.UNKNOWN, error.stack) : error);
  }
};

/** Those that the cloud adds may depend on those that it had before. */
function outputsOf({ type, name: resource }, inputs, preview, before) {
  return { ...inputs, ...(preview ? {} : ruleFor(type, resource).outputs?.(plain(inputs), plain(before))) };
}

function refuse({ type, name: resource }, inputs) {
  if (hasUnknown(inputs)) throw refused(grpc.status.INVALID_ARGUMENT, 'unknown values outside of a preview');
  const problems = ruleFor(type, resource).refuse?.(plain(inputs), everything()) ?? [];
  if (problems.length > 0) throw refused(grpc.status.INVALID_ARGUMENT, problems.join('; '));
}

/** What all packages hold: one refuses by what another has made. */
const everything = () =>
  Object.assign(
    {},
    ...readdirSync(folder)
      .filter((each) => each.endsWith('.json'))
      .map((each) => plain(JSON.parse(readFileSync(join(folder, each), 'utf8')))),
  );

async function create(request, resource) {
  const inputs = js(request.getProperties());
  const response = new provider.CreateResponse();
  if (request.getPreview()) {
    response.setProperties(Struct.fromJavaScript(outputsOf(resource, inputs, true)));
    return [response, { preview: true, inputs }];
  }
  if (resource.urn.includes(CLOUD_SLOW)) await new Promise((resolve) => setTimeout(resolve, Number(CLOUD_SLOW_MS)));
  refuse(resource, inputs);
  const id = ruleFor(resource.type, resource.name).id(plain(inputs));
  const state = load();
  if (state[id]) throw refused(grpc.status.ALREADY_EXISTS, `${resource.type} ${id} is there already`);
  const outputs = outputsOf(resource, inputs, false);
  save({ ...state, [id]: { type: resource.type, inputs, outputs } });
  response.setId(id);
  response.setProperties(Struct.fromJavaScript(outputs));
  return [response, { id, inputs }];
}

function update(request, resource) {
  const id = request.getId();
  const inputs = js(request.getNews());
  const response = new provider.UpdateResponse();
  const preview = request.getPreview();
  if (!preview) {
    refuse(resource, inputs);
    if (!load()[id]) throw refused(grpc.status.NOT_FOUND, `${resource.type} ${id} is not there`);
  }
  const outputs = outputsOf(resource, inputs, preview, load()[id]?.outputs);
  if (!preview) save({ ...load(), [id]: { type: resource.type, inputs, outputs } });
  response.setProperties(Struct.fromJavaScript(outputs));
  return [response, { id, ...(preview && { preview }), inputs }];
}

function diff(request, { type, name: resource }) {
  const { autoname, replaceOn, separator, unseen } = ruleFor(type, resource);
  const ignored = request.getIgnorechangesList();
  const within = (path, tops) =>
    tops.some((top) => path === top || path.startsWith(`${top}.`) || path.startsWith(`${top}[`));
  const found = Object.entries(differences(plain(js(request.getOldInputs())), plain(js(request.getNews())))).filter(
    ([path]) => !within(path, ignored) && !unseen?.test(path),
  );
  const response = new provider.DiffResponse();
  for (const [path, kind] of found) {
    const detail = new provider.PropertyDiff();
    const key = `${kind.toUpperCase()}${within(path, replaceOn) ? '_REPLACE' : ''}`;
    detail.setKind(provider.PropertyDiff.Kind[key]);
    detail.setInputdiff(true);
    response.getDetaileddiffMap().set(path, detail);
  }
  const top = (path) => path.split(/[.[]/)[0];
  const replaces = [
    ...new Set(
      found
        .map(([path]) => path)
        .filter((path) => within(path, replaceOn))
        .map(top),
    ),
  ];
  response.setHasdetaileddiff(true);
  response.setDiffsList([...new Set(found.map(([path]) => top(path)))]);
  response.setReplacesList(replaces);
  // Both clouds' providers: what has a random name is made anew beside the old one.
  const old = plain(js(request.getOldInputs()));
  const random = autoname && /^[0-9a-f]{8}$/.test(old[autoname]?.split(`${resource}${separator}`)[1]);
  response.setDeletebeforereplace(replaces.length > 0 && !random);
  const { DIFF_SOME, DIFF_NONE } = provider.DiffResponse.DiffChanges;
  response.setChanges(found.length > 0 ? DIFF_SOME : DIFF_NONE);
  return [response, { id: request.getId(), changed: found.map(([path]) => path), replaces }];
}

function check(request, { urn, type, name: resource }) {
  const { autoname, separator } = ruleFor(type, resource);
  const inputs = js(request.getNews());
  if (autoname && inputs[autoname] === undefined) {
    const seed = Buffer.from(request.getRandomseed_asU8());
    const suffix = createHash('sha256').update(urn).update(seed).digest('hex').slice(0, 8);
    inputs[autoname] = js(request.getOlds())[autoname] ?? `${resource}${separator}${suffix}`;
  }
  const response = new provider.CheckResponse();
  response.setInputs(Struct.fromJavaScript(inputs));
  // What the cloud itself published: a preview refuses it, too.
  const failures = publishedProblems(type, plain(inputs)).map((problem) => {
    const failure = new provider.CheckFailure();
    failure.setReason(problem);
    return failure;
  });
  response.setFailuresList(failures);
  return [response];
}

function read(request) {
  const known = load()[request.getId()];
  const response = new provider.ReadResponse();
  if (known) {
    response.setId(request.getId());
    response.setInputs(Struct.fromJavaScript(known.inputs));
    response.setProperties(Struct.fromJavaScript(known.outputs));
  }
  return [response, { id: request.getId(), found: Boolean(known) }];
}

function remove(request, { type, name: resource }) {
  const id = request.getId();
  const { keeps, removes } = ruleFor(type, resource);
  const problems = keeps?.(id, everything()) ?? [];
  if (problems.length > 0) throw refused(grpc.status.FAILED_PRECONDITION, problems.join('; '));
  const { [id]: gone, ...state } = load();
  const along = removes?.(id);
  save(along ? Object.fromEntries(Object.entries(state).filter(([other]) => !along(other))) : state);
  return [new Empty(), { id: request.getId(), found: gone !== undefined }];
}

serve(ResourceProviderService, {
  handshake: method('handshake', () => {
    const response = new provider.ProviderHandshakeResponse();
    response.setAcceptSecrets(true);
    return [response];
  }),
  attach: method('attach', () => [new Empty()]),
  cancel: method('cancel', () => [new Empty()]),
  getPluginInfo: method('getPluginInfo', () => {
    const info = new PluginInfo();
    info.setVersion(
      require(`@pulumi/${name}/package.json`).pulumi?.version ?? require(`@pulumi/${name}/package.json`).version,
    );
    return [info];
  }),
  checkConfig: method('checkConfig', (request) => {
    const response = new provider.CheckResponse();
    response.setInputs(request.getNews());
    return [response];
  }),
  diffConfig: method('diffConfig', () => {
    const response = new provider.DiffResponse();
    response.setChanges(provider.DiffResponse.DiffChanges.DIFF_NONE);
    return [response];
  }),
  configure: method('configure', () => {
    const response = new provider.ConfigureResponse();
    response.setAcceptsecrets(true);
    response.setSupportspreview(true);
    return [response];
  }),
  check: method('check', check),
  diff: method('diff', diff),
  create: method('create', create),
  read: method('read', read),
  update: method('update', update),
  delete: method('delete', remove),
  invoke: method('invoke', (request) => {
    const response = new provider.InvokeResponse();
    const answer = answers[request.getTok()] ?? {};
    response.setReturn(Struct.fromJavaScript(typeof answer === 'function' ? answer(js(request.getArgs())) : answer));
    return [response, { token: request.getTok() }];
  }),
  getMapping: method('getMapping', () => [new provider.GetMappingResponse()]),
});
