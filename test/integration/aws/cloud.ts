/** A cloud on this machine: moto for AWS's services, a registry for images, buildah for Docker, and the CDK's own command line. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { pythonEnvironment } from '../../../lib/local/python.js';
import { packageFile } from '../../../lib/package-root.js';
import { type Container, freePort, makeStore, start } from '../image/store.js';

export const account = '123456789012';
export const region = 'us-east-1';

/** A resource of a stack, its properties resolved. */
export interface Held {
  readonly stack: string;
  readonly logicalId: string;
  readonly type: string;
  readonly physicalId: string;
  readonly properties: Record<string, unknown>;
}

export interface Said {
  readonly code: number;
  /** Both streams. */
  readonly said: string;
}

export interface Cloud {
  /** Runs `cdk` over an app in `apps/`, `environment` for the app. */
  cdk(args: readonly string[], app: string, environment?: NodeJS.ProcessEnv): Promise<Said>;
  /** Asks a service by its JSON or query API, as boto3 does: `ask('sagemaker', 'describe_endpoint', { EndpointName })`. */
  ask<T = Record<string, unknown>>(service: string, operation: string, parameters?: object): Promise<T>;
  /** Every resource of every stack. */
  held(): Promise<readonly Held[]>;
  /** What Docker was asked to do since the last call, the first word of each. */
  dockerCalls(): string[];
  /** Pulls an image from the registry by its ECR name and starts it as SageMaker does. */
  startImage(uri: string, environment?: Readonly<Record<string, string>>): Promise<Container>;
  remove(): Promise<void>;
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 240; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.once('connect', () => socket.end());
    });
    if (open) return;
    await sleep(250);
  }
  throw new Error(`nothing listens on port ${port} after a minute`);
}

const asked = `
import json, sys, boto3
service, operation, parameters = sys.argv[1:]
answer = getattr(boto3.client(service), operation)(**json.loads(parameters))
answer.pop('ResponseMetadata')
print(json.dumps(answer, default=str))
`;

export interface Server {
  readonly url: string;
  /** What a program needs that is to see this server and nothing of the machine's own AWS configuration. */
  readonly env: NodeJS.ProcessEnv;
  readonly ask: Cloud['ask'];
  readonly held: Cloud['held'];
  /** What it wrote to standard error since the last call. */
  heard(): string;
  stop(): void;
}

/** Starts AWS's services alone. */
export async function startMoto(): Promise<Server> {
  const { python, env: pythonEnv } = await pythonEnvironment('aws');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    AWS_ENDPOINT_URL: url,
    AWS_ENDPOINT_URL_S3_FOR_CLOUDFORMATION: `http://localhost:${port}`,
    AWS_ACCESS_KEY_ID: 'testing',
    AWS_SECRET_ACCESS_KEY: 'testing',
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
  const service = spawn(python, [join(__dirname, 'moto'), String(port)], {
    env: pythonEnv,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const heard: string[] = [];
  service.stderr.on('data', (text) => heard.push(String(text)));
  const stop = endedWithUs(service);
  await listening(port);
  return {
    url,
    env,
    stop,
    heard: () => heard.splice(0).join(''),
    async ask(name, operation, parameters = {}) {
      const args = ['-c', asked, name, operation, JSON.stringify(parameters)];
      const { stdout } = await promisify(execFile)(python, args, { env, maxBuffer: 2 ** 26 });
      return JSON.parse(stdout);
    },
    async held() {
      return (await fetch(`${url}/moto-api/slipway/resources`)).json() as Promise<readonly Held[]>;
    },
  };
}

/** Stops a service when asked to, or when this process ends. */
function endedWithUs(service: ChildProcess): () => void {
  const end = () => void service.kill('SIGTERM');
  process.once('exit', end);
  return () => {
    end();
    process.removeListener('exit', end);
  };
}

/** Starts everything. */
export async function startCloud(): Promise<Cloud> {
  const moto = await startMoto();
  const store = await makeStore();
  const registryPort = await freePort();
  const log = join(store.folder, 'docker.log');
  writeFileSync(log, '');
  const registry = join(store.folder, 'registry.yml');
  mkdirSync(join(store.folder, 'registry'));
  writeFileSync(
    registry,
    JSON.stringify({
      version: 0.1,
      log: { level: 'warn', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(store.folder, 'registry') } },
      http: { addr: `127.0.0.1:${registryPort}` },
    }),
  );
  const environment: NodeJS.ProcessEnv = {
    ...moto.env,
    ...store.env,
    CDK_DISABLE_CLI_TELEMETRY: '1',
    CDK_DISABLE_VERSION_CHECK: '1',
    CI: 'true',
    CDK_DOCKER: join(__dirname, 'docker.mjs'),
    REGISTRY: `127.0.0.1:${registryPort}`,
    DOCKER_LOG: log,
    SLIPWAY_TEST_BASE: store.base,
    SLIPWAY_TEST_CA: process.env.PIP_CERT || process.env.SSL_CERT_FILE || '',
  };
  const stopRegistry = endedWithUs(spawn('docker-registry', ['serve', registry], { stdio: 'ignore' }));
  await listening(registryPort);

  const cdkCommand = packageFile('node_modules', 'aws-cdk', 'bin', 'cdk');
  return {
    async cdk(args, app, more = {}) {
      const program = `node ${join(__dirname, 'apps', app)}`;
      const output = mkdtempSync(join(store.folder, 'cdk.out-'));
      try {
        const { stdout, stderr } = await promisify(execFile)(
          process.execPath,
          [cdkCommand, ...args, '--app', program, '--output', output],
          { env: { ...environment, ...more }, cwd: store.folder, maxBuffer: 2 ** 28 },
        );
        return { code: 0, said: stdout + stderr };
      } catch (error) {
        const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
        return { code, said: `${stdout}${stderr}${moto.heard().split('Traceback').slice(1).at(-1) ?? ''}` };
      }
    },
    ask: moto.ask,
    held: moto.held,
    dockerCalls() {
      const calls = readFileSync(log, 'utf8').split('\n').filter(Boolean);
      writeFileSync(log, '');
      return calls.map((line) => (JSON.parse(line) as string[])[0]!);
    },
    async startImage(uri, more = {}) {
      const [, name] = /\.amazonaws\.com\/(.+)$/.exec(uri) ?? [];
      const local = `127.0.0.1:${registryPort}/${name}`;
      await store.buildah('pull', '--quiet', '--tls-verify=false', `docker://${local}`);
      const container = await start(store, local, { user: 'root', env: more });
      await container.ready();
      return container;
    },
    async remove() {
      stopRegistry();
      moto.stop();
      await store.remove();
      rmSync(store.folder, { recursive: true, force: true });
    },
  };
}
