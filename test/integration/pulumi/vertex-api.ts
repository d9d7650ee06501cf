/** A Vertex AI of this machine: its HTTP API with operations that take several looks, over a state that refuses what Vertex AI refuses. */

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageProblems } from './vertex-messages.js';
import { type Body, containerProblems, invalid, mutable, Refusal, resourceProblems } from './vertex-rules.js';

interface Operation {
  readonly name: string;
  /** Looks until it ends. */
  looks: number;
  readonly effect: () => Body;
  readonly error: Body | null;
  done: boolean;
  outcome: Body;
}

/** What goes wrong with requests that match, so many times. */
interface Trouble {
  readonly of: RegExp;
  /**
   * A number: this status instead of an answer. `reset`: the connection ends before anything is done. `lost`: after it. `error`: the
   * operation ends with an error. `stuck`: it ends never.
   */
  readonly how: number | 'reset' | 'lost' | 'error' | 'stuck';
  times: number;
}

export interface VertexOptions {
  /** Full names of endpoints, and whether they have addresses of their own or are in a peered network. */
  readonly endpoints: () => ReadonlyMap<string, { readonly dedicated: boolean; readonly peered: boolean }>;
  /** Keeps what there is, as the other clouds keep theirs. */
  readonly file?: string;
  /** Looks that an operation takes. */
  readonly looks?: number;
}

type Held = Readonly<Record<string, { readonly type: string; readonly inputs: Body }>>;

/** Projects have ids, and numbers that the service itself uses. */
const byId = (name: string): string => name.replace(/^projects\/17\//, 'projects/shop/');
const byNumber = (name: string): string => name.replace(/^projects\/shop\//, 'projects/17/');

const token = 'token-of-the-test';

/** A Vertex AI that answers on this machine. */
export class VertexApi {
  /** Every request that came, `POST europe-west4/endpoints/digits-dev:deployModel`. */
  readonly asked: string[] = [];
  /** Bodies of requests, in the same order. */
  readonly bodies: Body[] = [];
  private readonly operations = new Map<string, Operation>();
  private readonly troubles: Trouble[] = [];
  private readonly server = createServer((request, response) => void this.serve(request, response));
  private held: Held = {};
  private count = 0;

  constructor(private readonly options: VertexOptions) {
    if (options.file && existsSync(options.file)) this.held = JSON.parse(readFileSync(options.file, 'utf8'));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** What a program needs to be served by this one. */
  get environment(): NodeJS.ProcessEnv {
    return {
      SLIPWAY_VERTEX_API: `http://127.0.0.1:${this.port}`,
      SLIPWAY_VERTEX_PAUSE_MS: '2',
      GOOGLE_OAUTH_ACCESS_TOKEN: token,
    };
  }

  /** Everything there is, by name. */
  get state(): Held {
    return this.held;
  }

  /** Names of what is there. */
  names(kind: 'models' | 'deployedModels'): string[] {
    return Object.keys(this.held).filter((name) => name.split('/').at(-2) === kind);
  }

  /** Lets requests go wrong. */
  trouble(of: RegExp, how: Trouble['how'], times = 1): void {
    this.troubles.push({ of, how, times });
  }

  /** Changes what is there behind everyone's back. */
  drift(change: (held: Record<string, { type: string; inputs: Body }>) => void): void {
    const held = structuredClone(this.held) as Record<string, { type: string; inputs: Body }>;
    change(held);
    this.keep(held);
  }

  forget(): void {
    this.asked.length = 0;
    this.bodies.length = 0;
  }

  private keep(held: Held): void {
    this.held = held;
    const { file } = this.options;
    if (!file) return;
    // The other clouds read it at any time.
    writeFileSync(`${file}.new`, JSON.stringify(held));
    renameSync(`${file}.new`, file);
  }

  private put(name: string, type: string, inputs: Body): void {
    this.keep({ ...this.held, [name]: { type, inputs } });
  }

  private drop(name: string): void {
    const { [name]: _gone, ...rest } = this.held;
    this.keep(rest);
  }

  private split(endpoint: string): Readonly<Record<string, number>> {
    return this.held[`${endpoint}/trafficSplit`]?.inputs ?? {};
  }

  private deployedIn(endpoint: string): string[] {
    return this.names('deployedModels').filter((name) => name.startsWith(`${endpoint}/`));
  }

  private endpoint(name: string): Body {
    const found = this.options.endpoints().get(name);
    if (!found) throw new Refusal(404, 'NOT_FOUND', `endpoint ${name} is not found`);
    const deployed = this.deployedIn(name).map((each) => ({
      ...this.held[each]!.inputs,
      id: each.split('/').at(-1),
      createTime: '2026-11-01T00:00:00Z',
    }));
    const dns = `https://${name.split('/').at(-1)}.${name.split('/')[3]}-17.prediction.vertexai.goog`;
    const timeout = this.held[`${name}/inferenceTimeout`]?.inputs;
    return {
      name: byNumber(name),
      ...(deployed.length > 0 && { deployedModels: deployed }),
      ...(Object.keys(this.split(name)).length > 0 && { trafficSplit: this.split(name) }),
      ...(found.dedicated && { dedicatedEndpointEnabled: true }),
      ...(found.dedicated && deployed.length > 0 && { dedicatedEndpointDns: dns }),
      ...(timeout && { clientConnectionConfig: { inferenceTimeout: timeout } }),
    };
  }

  private begin(of: string, trouble: Trouble | undefined, effect: () => Body): Body {
    const name = `${byNumber(of)}/operations/${++this.count}`;
    const error =
      trouble?.how === 'error'
        ? { code: 9, message: 'Model server never became ready', details: [{ reason: 'see the logs' }] }
        : null;
    const looks = trouble?.how === 'stuck' ? Number.POSITIVE_INFINITY : (this.options.looks ?? 2);
    this.operations.set(name, { name, looks, effect, error, done: false, outcome: null });
    return this.told(this.operations.get(name)!);
  }

  private told({ name, done, error, outcome }: Operation): Body {
    return { name, metadata: {}, ...(done && { done }), ...(done && (error ?? outcome)) };
  }

  private look(name: string): Body {
    const operation = this.operations.get(name);
    if (!operation) throw new Refusal(404, 'NOT_FOUND', `operation ${name} is not found`);
    if (!operation.done && --operation.looks <= 0) {
      operation.done = true;
      operation.outcome = operation.error ? { error: operation.error } : { response: operation.effect() ?? {} };
    }
    return operation.done ? { name, metadata: {}, done: true, ...operation.outcome } : this.told(operation);
  }

  private running(of: string): Operation[] {
    return [...this.operations.values()].filter(
      ({ name, done }) => !done && name.startsWith(`${byNumber(of)}/operations/`),
    );
  }

  /** Operations of one endpoint exclude each other. */
  private alone(endpoint: string): void {
    if (this.running(endpoint).length > 0) {
      throw new Refusal(400, 'FAILED_PRECONDITION', `there are other operations running on ${endpoint}`);
    }
  }

  private upload(parent: string, body: Body, trouble: Trouble | undefined): Body {
    invalid(messageProblems('UploadModelRequest', { parent, ...body }));
    invalid(containerProblems(body.model));
    invalid(/^[a-z_][a-z0-9_-]{0,62}$/.test(body.modelId) ? [] : [`model_id is ${body.modelId}`]);
    const name = `${parent}/models/${body.modelId}`;
    if (this.held[name] || this.running(name).length > 0) {
      throw new Refusal(409, 'ALREADY_EXISTS', `model ${name} exists already`);
    }
    return this.begin(name, trouble, () => {
      this.put(name, 'vertex:Model', body.model);
      return { model: byNumber(name), modelVersionId: '1' };
    });
  }

  private deploy(endpoint: string, body: Body, trouble: Trouble | undefined): Body {
    invalid(messageProblems('DeployModelRequest', { endpoint, ...body }));
    const { id, ...deployed } = body.deployedModel;
    invalid([...(/^\d{1,10}$/.test(id) ? [] : [`id is ${id}`]), ...resourceProblems(deployed)]);
    const { dedicatedEndpointEnabled } = this.endpoint(endpoint);
    const model = this.held[byId(deployed.model)];
    if (!model) throw new Refusal(404, 'NOT_FOUND', `model ${deployed.model} is not found`);
    if (model.inputs.containerSpec.invokeRoutePrefix && !dedicatedEndpointEnabled) {
      throw new Refusal(400, 'FAILED_PRECONDITION', 'invoke_route_prefix needs a dedicated endpoint');
    }
    this.alone(endpoint);
    if (this.options.endpoints().get(endpoint)!.peered && this.deployedIn(endpoint).length > 0) {
      throw new Refusal(400, 'INVALID_ARGUMENT', `${endpoint} is in a peered network, and has a model already`);
    }
    const name = `${endpoint}/deployedModels/${id}`;
    if (this.held[name]) throw new Refusal(409, 'ALREADY_EXISTS', `deployed model ${id} exists already`);
    if (body.trafficSplit) this.checkSplit(endpoint, body.trafficSplit, id);
    return this.begin(endpoint, trouble, () => {
      this.put(name, 'vertex:DeployedModel', deployed);
      return { deployedModel: { ...deployed, id } };
    });
  }

  private checkSplit(endpoint: string, split: Readonly<Record<string, number>>, coming?: string): void {
    const known = new Set([...this.deployedIn(endpoint).map((name) => name.split('/').at(-1)), coming && '0']);
    const sum = Object.values(split).reduce((total, percent) => total + percent, 0);
    invalid([
      ...Object.keys(split)
        .filter((id) => !known.has(id))
        .map((id) => `traffic_split names ${id}, which is not deployed`),
      ...(sum === 100 || Object.keys(split).length === 0 ? [] : [`traffic_split adds to ${sum}`]),
    ]);
  }

  private mutate(endpoint: string, body: Body, trouble: Trouble | undefined): Body {
    invalid(messageProblems('MutateDeployedModelRequest', { endpoint, ...body }));
    const fields = body.updateMask.split(',').map((path: string) => path.replace('dedicatedResources.', ''));
    invalid(fields.filter((field: string) => !mutable.includes(field)).map((field: string) => `${field} is immutable`));
    this.endpoint(endpoint);
    const name = `${endpoint}/deployedModels/${body.deployedModel.id}`;
    const found = this.held[name];
    if (!found) throw new Refusal(404, 'NOT_FOUND', `${name} is not found`);
    this.alone(endpoint);
    const dedicatedResources = { ...found.inputs.dedicatedResources, ...body.deployedModel.dedicatedResources };
    invalid(resourceProblems({ dedicatedResources }));
    return this.begin(endpoint, trouble, () => {
      this.put(name, found.type, { ...found.inputs, dedicatedResources });
      return {};
    });
  }

  private undeploy(endpoint: string, body: Body, trouble: Trouble | undefined): Body {
    invalid(messageProblems('UndeployModelRequest', { endpoint, ...body }));
    this.endpoint(endpoint);
    const name = `${endpoint}/deployedModels/${body.deployedModelId}`;
    if (!this.held[name]) throw new Refusal(404, 'NOT_FOUND', `${name} is not found`);
    this.alone(endpoint);
    if ((this.split(endpoint)[body.deployedModelId] ?? 0) > 0 && this.deployedIn(endpoint).length > 1) {
      throw new Refusal(400, 'FAILED_PRECONDITION', `${name} has traffic`);
    }
    return this.begin(endpoint, trouble, () => {
      this.drop(name);
      if (this.deployedIn(endpoint).length === 0) this.drop(`${endpoint}/trafficSplit`);
      return {};
    });
  }

  private remove(model: string, trouble: Trouble | undefined): Body {
    if (!this.held[model]) throw new Refusal(404, 'NOT_FOUND', `${model} is not found`);
    const used = this.names('deployedModels').filter((name) => byId(this.held[name]!.inputs.model) === model);
    if (used.length > 0) throw new Refusal(400, 'FAILED_PRECONDITION', `${model} is deployed: ${used.join(', ')}`);
    return this.begin(model, trouble, () => {
      this.drop(model);
      return {};
    });
  }

  private patch(name: string, mask: string, body: Body): Body {
    if (name.includes('/models/')) {
      if (!this.held[name]) throw new Refusal(404, 'NOT_FOUND', `${name} is not found`);
      invalid(messageProblems('Model', { displayName: '', ...body }));
      invalid(mask.split(',').filter((field) => !['displayName', 'description', 'labels'].includes(field)));
      this.put(name, 'vertex:Model', { ...this.held[name]!.inputs, ...body });
      return { name: byNumber(name) };
    }
    invalid(mask === 'trafficSplit' ? [] : [`update_mask is ${mask}`]);
    invalid(messageProblems('Endpoint', { displayName: '', ...body }));
    this.endpoint(name);
    this.checkSplit(name, body.trafficSplit);
    this.put(`${name}/trafficSplit`, 'vertex:TrafficSplit', body.trafficSplit);
    return this.endpoint(name);
  }

  private answer(method: string, url: URL, body: Body, trouble: Trouble | undefined): Body {
    const [path = '', verb] = byId(url.pathname.slice('/v1/'.length)).split(':');
    if (path.endsWith('/operations')) {
      const of = path.replace(/\/operations$/, '');
      const all = [...this.operations.values()].filter(({ name }) => byId(name).startsWith(`${of}/operations/`));
      return { operations: all.map((operation) => this.told(operation)) };
    }
    if (path.includes('/operations/')) {
      if (verb !== 'cancel') return this.look(byNumber(path));
      const operation = this.operations.get(byNumber(path))!;
      operation.done = true;
      operation.outcome = { error: { code: 1, message: 'cancelled' } };
      return {};
    }
    if (verb === 'upload') return this.upload(path.replace(/\/models$/, ''), body, trouble);
    if (verb === 'deployModel') return this.deploy(path, body, trouble);
    if (verb === 'mutateDeployedModel') return this.mutate(path, body, trouble);
    if (verb === 'undeployModel') return this.undeploy(path, body, trouble);
    if (verb === 'update') {
      invalid(
        messageProblems('UpdateEndpointLongRunningRequest', {
          ...body,
          endpoint: { displayName: '', ...body.endpoint },
        }),
      );
      const timeout = body.endpoint.clientConnectionConfig.inferenceTimeout;
      return this.begin(path, trouble, () => this.put(`${path}/inferenceTimeout`, 'vertex:InferenceTimeout', timeout));
    }
    if (method === 'DELETE') return this.remove(path, trouble);
    if (method === 'PATCH') return this.patch(path, url.searchParams.get('updateMask') ?? '', body);
    if (path.includes('/endpoints/')) return this.endpoint(path);
    const model = this.held[path];
    if (!model) throw new Refusal(404, 'NOT_FOUND', `${path} is not found`);
    const { containerSpec: _inputOnly, ...shown } = model.inputs;
    return { name: byNumber(path), versionId: '1', versionAliases: ['default'], ...shown };
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://localhost');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const reply = (status: number, body: Body) => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (url.pathname.startsWith('/computeMetadata/')) {
      return request.headers['metadata-flavor'] === 'Google' ? reply(200, { access_token: token }) : reply(403, {});
    }
    const text = Buffer.concat(chunks).toString();
    const body = text ? JSON.parse(text) : {};
    const doing = `${request.method} ${decodeURIComponent(url.pathname).replace(/^\/v1\/projects\/\w+\/locations\//, '')}`;
    this.asked.push(doing);
    this.bodies.push(body);
    const trouble = this.troubles.find(({ of, times }) => times > 0 && of.test(doing));
    if (trouble) trouble.times -= 1;
    if (trouble?.how === 'reset') return void request.socket.destroy();
    if (typeof trouble?.how === 'number') {
      return reply(trouble.how, { error: { code: trouble.how, status: 'UNAVAILABLE', message: 'not now' } });
    }
    if (request.headers.authorization !== `Bearer ${token}`) {
      return reply(401, { error: { code: 401, status: 'UNAUTHENTICATED', message: 'invalid credentials' } });
    }
    try {
      const answer = this.answer(request.method!, url, body, trouble);
      if (trouble?.how === 'lost') return void request.socket.destroy();
      reply(200, answer);
    } catch (error) {
      const { status = 500, kind = 'INTERNAL', message } = error as Partial<Refusal>;
      reply(status, { error: { code: status, status: kind, message } });
    }
  }
}
