/** Building the image: the programs that can, and how each is asked. What docker and podman are given is not tried in this version's tests. */

import type { SecretId } from '../dockerfile.js';
import type { Labels } from '../labels.js';
import type { ImagePlatform } from '../variant.js';

export type BuilderId = 'docker' | 'podman' | 'buildah';

/** A file that steps of the build may see. */
export interface SecretFile {
  readonly id: SecretId;
  readonly src: string;
}

/** One run of a builder over a context. */
export interface BuildRequest {
  /** The context. */
  readonly folder: string;
  readonly platform: ImagePlatform;
  readonly args: Readonly<Record<string, string>>;
  readonly secrets: readonly SecretFile[];
  readonly sourceDateEpoch: number | null;
  /** The stage that optimizes, kept in the builder's cache; the files of the `report` stage in a folder; or the image under a name. */
  readonly result:
    | { readonly stage: 'optimize' }
    | { readonly reportFolder: string }
    | { readonly tag: string; readonly labels: Labels };
}

/** What is known of an image that was built. */
export interface BuiltFacts {
  /** `sha256:…` of the configuration. */
  readonly id: string;
  /** `sha256:…` of the manifest; null where the builder knows it only after a push. */
  readonly digest: string | null;
  /** Of the layers that were added to the base, uncompressed; null where the builder does not say. */
  readonly bytesOverBase: number | null;
}

type Words = readonly string[];

/** How a builder is asked. */
export interface Builder {
  readonly id: BuilderId;
  /** Commands that all succeed where it works. */
  readonly probes: readonly Words[];
  build(request: BuildRequest): Words;
  /** Commands whose outputs `facts` reads. */
  inspect(tag: string): readonly Words[];
  facts(outputs: Words): BuiltFacts;
  /** `digestFile` gets the manifest's digest where the builder can write it. */
  push(tag: string, digestFile: string): Words;
}

const pairs = (flag: string, values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);

/** What a run is to leave; `tagged` are the words that only the image needs. */
function resultWords(result: BuildRequest['result'], tagged: Words): string[] {
  if ('stage' in result) return ['--target', result.stage];
  if ('reportFolder' in result) return ['--target', 'report', '--output', `type=local,dest=${result.reportFolder}`];
  return [...pairs('--label', result.labels), '--tag', result.tag, ...tagged];
}

/** Registries on this machine speak plain HTTP. */
export const isLocalRegistry = (tag: string): boolean => /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?\//.test(tag);

const withAlgorithm = (digest: string): string => (digest.includes(':') ? digest : `sha256:${digest}`);

interface Layer {
  readonly by: string;
  readonly bytes: number;
}

/** Every step that adds files names this folder; those of the base do not. */
const sumOverBase = (layers: readonly Layer[]): number =>
  layers.filter(({ by }) => by.includes('/opt/slipway')).reduce((sum, { bytes }) => sum + bytes, 0);

/** buildah and podman are one builder with two command lines. SageMaker refuses OCI manifests, hence docker's format. */
function daemonless(request: BuildRequest): string[] {
  const { folder, platform, args, secrets, sourceDateEpoch, result } = request;
  return [
    ...['build', '--format', 'docker', '--layers', '--platform', platform],
    ...pairs('--build-arg', args),
    ...secrets.flatMap(({ id, src }) => ['--secret', `id=${id},src=${src}`]),
    ...(sourceDateEpoch === null ? [] : ['--timestamp', String(sourceDateEpoch)]),
    ...resultWords(result, []),
    folder,
  ];
}

const pushDaemonless = (tag: string, digestFile: string): string[] => [
  ...['push', '--format', 'v2s2', '--digestfile', digestFile],
  ...(isLocalRegistry(tag) ? ['--tls-verify=false'] : []),
  tag,
];

interface BuildahImage {
  readonly FromImageID: string;
  readonly FromImageDigest: string;
  readonly Manifest: string;
  readonly Docker: { readonly history: readonly { readonly created_by?: string; readonly empty_layer?: boolean }[] };
}

const buildah: Builder = {
  id: 'buildah',
  probes: [['info']],
  build: daemonless,
  inspect: (tag) => [['inspect', '--type', 'image', tag]],
  facts([output = '']) {
    const image = JSON.parse(output) as BuildahImage;
    const { layers } = JSON.parse(image.Manifest) as { readonly layers: readonly { readonly size: number }[] };
    const steps = image.Docker.history.filter((step) => !step.empty_layer);
    // buildah shortens nothing, but names what it copied to by `in PATH`.
    const added = steps.map(({ created_by: by = '' }, index) => ({ by, bytes: layers[index]?.size ?? 0 }));
    return {
      id: withAlgorithm(image.FromImageID),
      digest: withAlgorithm(image.FromImageDigest),
      bytesOverBase: sumOverBase(added),
    };
  },
  push: pushDaemonless,
};

interface PodmanStep {
  readonly CreatedBy?: string;
  readonly size?: number;
}

const podman: Builder = {
  id: 'podman',
  probes: [['info']],
  build: daemonless,
  inspect: (tag) => [
    ['image', 'inspect', tag],
    ['history', '--no-trunc', '--format', 'json', tag],
  ],
  facts([image = '', history = '']) {
    const [{ Id, Digest }] = JSON.parse(image) as [{ readonly Id: string; readonly Digest?: string }];
    const layers = (JSON.parse(history) as PodmanStep[]).map(({ CreatedBy: by = '', size: bytes = 0 }) => ({
      by,
      bytes,
    }));
    return { id: withAlgorithm(Id), digest: Digest ?? null, bytesOverBase: sumOverBase(layers) };
  },
  push: pushDaemonless,
};

const docker: Builder = {
  id: 'docker',
  probes: [
    ['version', '--format', '{{.Server.Version}}'],
    ['buildx', 'version'],
  ],
  build({ folder, platform, args, secrets, sourceDateEpoch, result }) {
    return [
      // An attestation makes an OCI index of the image, which SageMaker refuses.
      ...['buildx', 'build', '--progress', 'plain', '--provenance=false', '--sbom=false', '--platform', platform],
      ...pairs('--build-arg', args),
      ...(sourceDateEpoch === null ? [] : ['--build-arg', `SOURCE_DATE_EPOCH=${sourceDateEpoch}`]),
      ...secrets.flatMap(({ id, src }) => ['--secret', `id=${id},src=${src}`]),
      ...resultWords(result, ['--output', 'type=docker']),
      folder,
    ];
  },
  inspect: (tag) => [
    ['image', 'inspect', tag],
    ['history', '--no-trunc', '--human=false', '--format', '{{json .}}', tag],
  ],
  facts([image = '', history = '']) {
    const [{ Id, RepoDigests }] = JSON.parse(image) as [
      { readonly Id: string; readonly RepoDigests?: readonly string[] },
    ];
    const layers = history
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as { readonly CreatedBy: string; readonly Size: string })
      .map(({ CreatedBy: by, Size }) => ({ by, bytes: Number(Size) || 0 }));
    return { id: Id, digest: RepoDigests?.[0]?.split('@')[1] ?? null, bytesOverBase: sumOverBase(layers) };
  },
  push: (tag) => ['push', tag],
};

/** Every builder, in the order they are looked for. */
export const builders: readonly Builder[] = [docker, podman, buildah];
