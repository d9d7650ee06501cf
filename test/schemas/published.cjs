// Every check that there is for the inputs of a resource: published schemas and messages, and the SDK's own declarations.
const { azureProblems } = require('./azure.cjs');
const { declaredProblems } = require('./declared.cjs');
const { googleProblems } = require('./google.cjs');

/** Resources of Pulumi itself, and components, which have no inputs of a cloud. */
const isCloud = (type) => /^(azure-native|gcp|docker-build):/.test(type);

/** What is wrong with the inputs of a resource; without secrets' marks, unknown values as the engine marks them. */
function publishedProblems(type, inputs) {
  if (!isCloud(type)) return [];
  const checked = type.startsWith('azure-native:') ? azureProblems(type, inputs) : googleProblems(type, inputs);
  return [...new Set([...declaredProblems(type, inputs), ...checked])];
}

module.exports = { publishedProblems };
