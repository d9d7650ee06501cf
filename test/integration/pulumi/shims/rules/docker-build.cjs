// What a build with Docker's buildx does that a program can see: a digest of what is in the context.
const { existsSync, readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { digest } = require('../values.cjs');

/** Every file of a folder, so that another content is another image. */
function contentsOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
    .map((path) => digest(readFileSync(path), 64))
    .join('');
}

const types = {
  'docker-build:index:Image': {
    replaceOn: [],
    // A fresh token is no reason to build.
    unseen: /^registries\[\d+\]\.password$/,
    id: (inputs) => inputs.tags[0],
    outputs: (inputs) => {
      const sha256 = `sha256:${digest(contentsOf(inputs.context.location), 64)}`;
      return { digest: sha256, ref: `${inputs.tags[0]}@${sha256}` };
    },
    refuse: ({ push, context }) => [
      ...(push === true ? [] : ['push is required']),
      ...(existsSync(join(context.location, 'Dockerfile')) ? [] : [`no Dockerfile in ${context.location}`]),
    ],
  },
};

module.exports = { types };
