#!/usr/bin/env node
// The commands of Docker that the CDK's command line calls, done by buildah and a registry of this host. CDK_DOCKER names this file.
//
// REGISTRY: host:port of a registry without TLS. DOCKER_LOG: file that gets a line for each call. Images named after ECR go to the same
// repository and tag there, and their manifest to the cloud of this run, so that it knows what it has.
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';

const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';
const { REGISTRY, DOCKER_LOG, AWS_ENDPOINT_URL, AWS_REGION } = process.env;
const args = process.argv[2] === '--config' ? process.argv.slice(4) : process.argv.slice(2);
if (DOCKER_LOG) appendFileSync(DOCKER_LOG, `${JSON.stringify(args)}\n`);

function buildah(words, options = {}) {
  return spawnSync('buildah', words, { stdio: ['ignore', 'inherit', 'inherit'], ...options }).status ?? 1;
}

/** The manifest in the cloud's own repository, without a SDK: this server checks no signature. */
async function putImage(repositoryName, imageTag) {
  const manifest = await fetch(`http://${REGISTRY}/v2/${repositoryName}/manifests/${imageTag}`, {
    headers: { Accept: manifestType },
  });
  const scope = `20260101/${AWS_REGION}/ecr/aws4_request`;
  const answer = await fetch(AWS_ENDPOINT_URL, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-amz-json-1.1',
      'X-Amz-Target': 'AmazonEC2ContainerRegistry_V20150921.PutImage',
      Authorization: `AWS4-HMAC-SHA256 Credential=testing/${scope}, SignedHeaders=host, Signature=none`,
    },
    body: JSON.stringify({
      repositoryName,
      imageTag,
      imageManifest: await manifest.text(),
      imageManifestMediaType: manifestType,
    }),
  });
  const said = await answer.text();
  if (!answer.ok && !said.includes('ImageAlreadyExists')) throw new Error(`ecr put-image: ${answer.status} ${said}`);
}

async function push(name) {
  const [, repository, tag] = /^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com\/([^:]+):(.+)$/.exec(name) ?? [];
  if (!repository) throw new Error(`'${name}' is no image of ECR`);
  const target = `docker://${REGISTRY}/${repository}:${tag}`;
  const code = buildah(['push', '--quiet', '--format', 'v2s2', '--tls-verify=false', name, target]);
  if (code === 0) await putImage(repository, tag);
  return code;
}

const commands = {
  login: () => 0,
  // 1 is "no such image" for the CDK.
  inspect: ([name]) => (buildah(['inspect', '--type', 'image', name], { stdio: 'ignore' }) === 0 ? 0 : 1),
  build: (rest) => buildah(['build', '--layers', ...rest.filter((word) => !/^--(provenance|output)/.test(word))]),
  tag: (rest) => buildah(['tag', ...rest]),
  push: (rest) => push(rest.at(-1)),
  images: () => 0,
};

const [command, ...rest] = args;
if (!commands[command]) {
  process.stderr.write(`no '${command}' here\n`);
  process.exit(64);
}
process.exit(await commands[command](rest));
