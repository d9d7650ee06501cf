import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { findPrometheus, startPrometheus } from '../../lib/local/prometheus.js';
import { planMonitoring } from '../../lib/monitoring/plan.js';

let folder: string;
let tools: string;
let cache: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-test-'));
  tools = join(folder, 'tools');
  cache = join(folder, 'cache');
  mkdirSync(tools);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Puts a program into a folder that is searched first. */
function tool(name: string, script: string, where = tools): string {
  const path = join(where, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const only = (): void => void vi.stubEnv('PATH', tools);
const first = (): void => void vi.stubEnv('PATH', `${tools}:${process.env.PATH}`);

/** A package whose file is nothing but its name; the fake dpkg makes the binaries. */
const aptThatWorks = 'case "$*" in *download*) : > "prometheus_1%3a2.5_amd64.deb";; esac';
const dpkgThatWorks =
  'mkdir -p "$3/usr/bin" && printf "#!/bin/sh\\nexit 0\\n" > "$3/usr/bin/prometheus" && chmod 755 "$3/usr/bin/prometheus"';

/** Everything in the cache, hidden folders too. */
const left = (): string[] => (existsSync(join(cache, 'prometheus')) ? readdirSync(join(cache, 'prometheus')) : []);

describe('Prometheus is looked for', () => {
  test('on PATH first', async () => {
    const prometheus = tool('prometheus', 'exit 0');
    const promtool = tool('promtool', 'exit 0');
    first();
    expect(await findPrometheus(cache)).toEqual({ prometheus, promtool });
    expect(left()).toEqual([]);
  });

  test('in the cache next, the newest version first', async () => {
    for (const version of ['2.9.0', '2.42.0', '.scratch-x']) {
      mkdirSync(join(cache, 'prometheus', version), { recursive: true });
      tool('prometheus', 'exit 0', join(cache, 'prometheus', version));
    }
    first();
    tool('prometheus', 'exit 1');
    expect(await findPrometheus(cache)).toEqual({
      prometheus: join(cache, 'prometheus', '2.42.0', 'prometheus'),
      promtool: undefined,
    });
  });

  test('in Debian’s archive last, and kept under its version', async () => {
    tool('prometheus', 'exit 1');
    tool('apt-get', aptThatWorks);
    tool('dpkg', dpkgThatWorks);
    first();
    const prometheus = join(cache, 'prometheus', '1:2.5', 'prometheus');
    const said: string[] = [];
    expect(await findPrometheus(cache, (line) => said.push(line))).toEqual({ prometheus, promtool: undefined });
    expect(said).toEqual(['Fetching Prometheus from Debian, 19 MB, once']);
    expect(left()).toEqual(['1:2.5']);
  });

  test('with package lists of its own where the system has none', async () => {
    tool('prometheus', 'exit 1');
    tool('apt-get', `case "$*" in *Dir::State::lists=*) ${aptThatWorks};; *) exit 100;; esac`);
    tool('dpkg', dpkgThatWorks);
    first();
    expect(await findPrometheus(cache)).toMatchObject({ prometheus: join(cache, 'prometheus', '1:2.5', 'prometheus') });
  });

  test('in vain on another system, and the answer says what to install', async () => {
    only();
    expect(await findPrometheus(cache)).toEqual({
      missing:
        'Prometheus is not on PATH, and this is no Debian system to fetch it for. Install it (Debian, Ubuntu: apt-get install prometheus; macOS: brew install prometheus) or put the prometheus binary on PATH. The endpoint runs without it; only charts and alerts are missing',
    });
  });
});

describe('a failed fetch leaves nothing behind', () => {
  test.each([
    [
      'apt-get',
      'echo "E: Unable to fetch some archives" >&2; exit 100',
      dpkgThatWorks,
      'apt-get says: E: Unable to fetch some archives',
    ],
    [
      'dpkg',
      aptThatWorks,
      'echo "dpkg: no space left on device" >&2; exit 2',
      'dpkg says: dpkg: no space left on device',
    ],
    [
      'the binary',
      aptThatWorks,
      dpkgThatWorks.replace('exit 0', 'exit 1'),
      'prometheus of prometheus_1%3a2.5_amd64.deb does not run here',
    ],
  ])('when %s fails', async (_, apt, dpkg, reason) => {
    tool('prometheus', 'exit 1');
    tool('apt-get', apt);
    tool('dpkg', dpkg);
    first();
    const found = await findPrometheus(cache);
    expect('missing' in found && found.missing).toContain(`could not be fetched from Debian (${reason}). Install it`);
    expect(left()).toEqual([]);
  });

  test('when the cache cannot be written', async () => {
    tool('prometheus', 'exit 1');
    tool('apt-get', aptThatWorks);
    tool('dpkg', dpkgThatWorks);
    first();
    writeFileSync(cache, 'a file where the folder should be');
    const found = await findPrometheus(cache);
    expect('missing' in found && found.missing).toMatch(
      /^Prometheus is not on PATH and could not be fetched .*ENOTDIR/,
    );
  });

  test('when it is interrupted, and the download ends', async () => {
    tool('prometheus', 'exit 1');
    tool('apt-get', `echo $$ > ${join(folder, 'pid')}; while :; do sleep 0.05; done`);
    tool('dpkg', dpkgThatWorks);
    first();
    const interruption = new AbortController();
    const found = findPrometheus(cache, undefined, interruption.signal);
    await vi.waitFor(() => expect(readFileSync(join(folder, 'pid'), 'utf8')).toMatch(/^\d+\n$/), { timeout: 10_000 });
    interruption.abort(new Error('Ctrl-C'));
    await expect(found).rejects.toThrow('Ctrl-C');
    expect(left()).toEqual([]);
    expect(() => process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), 0)).toThrow('ESRCH');
  });

  test('when a process before was killed: its scratch folder goes, a fresh one of another process stays', async () => {
    tool('prometheus', 'exit 1');
    tool('apt-get', aptThatWorks);
    tool('dpkg', dpkgThatWorks);
    first();
    for (const name of ['.scratch-old', '.scratch-new'])
      mkdirSync(join(cache, 'prometheus', name), { recursive: true });
    const yesterday = Date.now() / 1000 - 86_400;
    utimesSync(join(cache, 'prometheus', '.scratch-old'), yesterday, yesterday);
    await findPrometheus(cache);
    expect(left().sort()).toEqual(['.scratch-new', '1:2.5']);
  });
});

describe('a Prometheus that does not start', () => {
  const start = (prometheus: string, port?: number) =>
    startPrometheus({
      binaries: { prometheus, promtool: undefined },
      dir: folder,
      plan: planMonitoring({ model: 'm' }),
      target: '127.0.0.1:1',
      port,
    });

  test('is told in its own words, and its folder goes', async () => {
    const prometheus = tool('prometheus', 'echo "err=bad luck" >&2; exit 3');
    await expect(start(prometheus)).rejects.toThrow('Prometheus did not start: err=bad luck');
    expect(readdirSync(folder)).toEqual(['tools']);
  });

  test('for a port in use names the port, and does not take the other’s answers for its own', async () => {
    const other = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'));
    const port = await new Promise<number>((resolve) =>
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)),
    );
    try {
      const prometheus = tool('prometheus', 'sleep 0.5; echo "listen tcp: bind: address already in use" >&2; exit 1');
      await expect(start(prometheus, port)).rejects.toThrow(
        `Port ${port} is in use. Choose another for Prometheus, or leave the choice to Slipway`,
      );
    } finally {
      other.close();
    }
  });

  test('on a chosen free port that was taken meanwhile tries others', async () => {
    const tries = join(folder, 'tries');
    const prometheus = tool('prometheus', `echo x >> ${tries}; echo "bind: address already in use" >&2; exit 1`);
    await expect(start(prometheus)).rejects.toThrow('Prometheus did not start: bind: address already in use');
    expect(readFileSync(tries, 'utf8')).toBe('x\n'.repeat(5));
  });
});
