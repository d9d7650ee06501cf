/** Step 4 of the road: the list of what the image's Python environment holds, in CycloneDX's JSON; the same lock gives the same bytes. */

import { createRequire } from 'node:module';
import { once } from '../hardware/catalogue/csv.js';

type Library = typeof import('@cyclonedx/cyclonedx-library');

/** Many files that only an image asks for: the parts that are used, loaded with the first one. */
const library = once(() => {
  const part = (name: string) => createRequire(__filename)(`@cyclonedx/cyclonedx-library/${name}`);
  const parts = ['Enums', 'Models', 'Serialize', 'Spec'].map((name) => [name, part(name)]);
  return Object.fromEntries(parts) as Pick<Library, 'Enums' | 'Models' | 'Serialize' | 'Spec'>;
});

/** A package of a lock. */
interface Pinned {
  readonly name: string;
  readonly version: string;
  readonly sha256: readonly string[];
}

/** `name==version` entries of a lock or of a user's requirements, with their hashes. */
export function pinnedPackages(text: string): Pinned[] {
  return text
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .flatMap((line) => {
      const [, name, version] = /^\s*([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;#]+)/.exec(line) ?? [];
      if (!name || !version) return [];
      const sha256 = [...line.matchAll(/--hash=sha256:([0-9a-f]{64})/g)].map(([, digest]) => digest!);
      return [{ name: name.toLowerCase().replace(/[._-]+/g, '-'), version, sha256 }];
    });
}

/**
 * One component for each package of the texts, sorted by name; its files' hashes as properties, since a package has several wheels. Of a
 * package that several texts pin, the first counts.
 */
export function bomOf(texts: readonly string[], subject: { readonly name: string; readonly version: string }): string {
  const { Enums, Models, Serialize, Spec } = library();
  const bom = new Models.Bom();
  bom.metadata.component = new Models.Component(Enums.ComponentType.Container, subject.name, {
    version: subject.version,
    bomRef: 'image',
  });
  const packages = new Map(
    texts
      .flatMap(pinnedPackages)
      .reverse()
      .map((pinned) => [pinned.name, pinned]),
  );
  for (const { name, version, sha256 } of packages.values()) {
    const purl = `pkg:pypi/${name}@${encodeURIComponent(version)}`;
    const component = new Models.Component(Enums.ComponentType.Library, name, { version, purl, bomRef: purl });
    for (const digest of sha256) component.properties.add(new Models.Property('slipway:wheel:sha256', digest));
    bom.components.add(component);
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}
