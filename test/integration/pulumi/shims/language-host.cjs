// The engine's host of Node programs: starts the program with its own @pulumi/pulumi, as the official host does.
const { spawn } = require('node:child_process');
const language = require('@pulumi/pulumi/proto/language_pb');
const { PluginInfo } = require('@pulumi/pulumi/proto/plugin_pb');
const { LanguageRuntimeService } = require('@pulumi/pulumi/proto/language_grpc_pb');
const { Empty } = require('google-protobuf/google/protobuf/empty_pb');
const { grpc, serve } = require('./serve.cjs');

/** The engine's address always comes last. */
const engine = process.argv.at(-1);
/** Exit code of a program whose error was shown already. */
const shown = 32;
const children = new Set();

function run({ request }, answer) {
  const info = request.getInfo();
  const config = {};
  request.getConfigMap().forEach((value, key) => {
    config[key] = value;
  });
  const args = [
    require.resolve('@pulumi/pulumi/cmd/run'),
    ...['--monitor', request.getMonitorAddress(), '--engine', engine],
    ...['--project', request.getProject(), '--stack', request.getStack()],
    ...['--organization', request.getOrganization(), '--root-directory', info.getRootDirectory()],
    ...['--pwd', request.getPwd() || info.getProgramDirectory(), '--parallel', String(request.getParallel())],
    ...(request.getDryrun() ? ['--dry-run'] : []),
    info.getEntryPoint() || '.',
    ...request.getArgsList(),
  ];
  const child = spawn(process.execPath, args, {
    cwd: request.getPwd() || info.getProgramDirectory(),
    env: {
      ...process.env,
      PULUMI_CONFIG: JSON.stringify(config),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  children.add(child);
  child.on('error', ({ message }) => answer({ code: grpc.status.INTERNAL, details: message }));
  child.on('exit', (code, signal) => {
    children.delete(child);
    const response = new language.RunResponse();
    if (code === shown) response.setBail(true);
    else if (code !== 0) response.setError(`The program ended with ${signal ?? `code ${code}`}`);
    answer(null, response);
  });
}

/** A policy pack: the engine asks it about every resource. It runs where its package.json is. */
function runPlugin(call) {
  const { request } = call;
  const folder = request.getInfo().getProgramDirectory();
  const args = [require.resolve('@pulumi/pulumi/cmd/run-policy-pack'), ...request.getArgsList(), folder];
  const environment = Object.fromEntries(request.getEnvList().map((each) => each.split(/=(.*)/s).slice(0, 2)));
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  const send = (set) => (data) => {
    const response = new language.RunPluginResponse();
    response[set](data);
    call.write(response);
  };
  child.stdout.on('data', (data) => send('setStdout')(new Uint8Array(data)));
  child.stderr.on('data', (data) => send('setStderr')(new Uint8Array(data)));
  child.on('close', (code) => {
    children.delete(child);
    send('setExitcode')(code ?? 1);
    call.end();
  });
  call.on('cancelled', () => child.kill());
}

const says = (make) => (_call, answer) => answer(null, make());

serve(LanguageRuntimeService, {
  run,
  runPlugin,
  handshake: says(() => new language.LanguageHandshakeResponse()),
  getPluginInfo: says(() => {
    const info = new PluginInfo();
    info.setVersion(require('@pulumi/pulumi/package.json').version);
    return info;
  }),
  // What the program asks for is found on PATH.
  getRequiredPackages: says(() => new language.GetRequiredPackagesResponse()),
  getProgramDependencies: says(() => new language.GetProgramDependenciesResponse()),
  about: says(() => {
    const about = new language.AboutResponse();
    about.setExecutable(process.execPath);
    about.setVersion(process.version);
    return about;
  }),
  installDependencies: (call) => call.end(),
  runtimeOptionsPrompts: says(() => new language.RuntimeOptionsResponse()),
  cancel: says(() => {
    for (const child of children) child.kill();
    return new Empty();
  }),
});
