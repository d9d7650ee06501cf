import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bomOf, pinnedPackages } from '../../lib/image/sbom.js';
import { packageFile } from '../../lib/package-root.js';

const lock = (name: string) => readFileSync(packageFile('container', 'locks', `${name}.txt`), 'utf8');
const subject = { name: 'digits', version: '1' };

describe.each(['server', 'server-cuda12', 'server-cuda13'])('the bill of %s', (name) => {
  const pins = [...lock(name).matchAll(/^([a-z0-9-]+)==(\S+)/gm)].map(([, pin, version]) => `${pin}@${version}`);

  test('has every package of the lock with all its hashes', () => {
    const packages = pinnedPackages(lock(name));
    expect(packages.map(({ name: pin, version }) => `${pin}@${version}`)).toEqual(pins);
    const hashes = packages.reduce((sum, { sha256 }) => sum + sha256.length, 0);
    expect(hashes).toBe(lock(name).match(/--hash=sha256:/g)!.length);
  });

  test('is CycloneDX, and the same bytes each time', () => {
    const text = bomOf([lock(name)], subject);
    expect(bomOf([lock(name)], subject)).toBe(text);
    const bom = JSON.parse(text);
    expect(bom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6' });
    expect(bom.serialNumber).toBeUndefined();
    expect(bom.metadata.timestamp).toBeUndefined();
    expect(bom.components.map((component: { purl: string }) => component.purl).sort()).toEqual(
      pins.map((pin) => `pkg:pypi/${pin}`).sort(),
    );
  });
});

test('a package that two texts pin stands there once, as the first has it', () => {
  const bom = JSON.parse(bomOf(['idna==3.10\n', 'idna==3.9\nsix==1.17.0\n'], subject));
  expect(bom.components.map((component: { purl: string }) => component.purl)).toEqual([
    'pkg:pypi/idna@3.10',
    'pkg:pypi/six@1.17.0',
  ]);
});

test('names are read as pip normalizes them, whatever else stands on the line', () => {
  const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,8}([._-][A-Za-z0-9]{1,4}){0,2}$/);
  const version = fc.stringMatching(/^\d{1,2}(\.\d{1,3}){1,2}(\.post\d|rc\d)?$/);
  const extra = fc.constantFrom('', '[extra]', '[a,b]');
  const rest = fc.constantFrom('', ' ; python_version >= "3.11"', '  # why', ' \\\n    --hash=sha256:x');
  fc.assert(
    fc.property(name, version, extra, rest, (given, pin, brackets, tail) => {
      expect(pinnedPackages(`# head\n${given}${brackets}==${pin}${tail}\n`)).toEqual([
        { name: given.toLowerCase().replace(/[._-]+/g, '-'), version: pin, sha256: [] },
      ]);
    }),
  );
});

test('what is not pinned is not listed', () => {
  expect(pinnedPackages('idna\nidna>=3\n--require-hashes\n-r x==1\n# a==1\n')).toEqual([]);
});
