// Every check that there is for the inputs of a resource: published schemas and messages, then the SDK's own declarations.
const { azureProblems } = require('./azure.cjs');
const { declaredProblems } = require('./declared.cjs');
const { googleProblems } = require('./google.cjs');

/** Resources of Pulumi itself, and components, have no inputs of a cloud. */
const isCloud = (type) => /^(azure-native|gcp|docker-build|command):/.test(type);

/** What a cloud refuses although its schema has it, as its documentation says. */
const documented = {
  'azure-native:machinelearningservices:OnlineDeployment': ({ properties }) =>
    properties?.endpointComputeType === 'Managed' && properties.scaleSettings?.scaleType === 'TargetUtilization'
      ? ['properties.scaleSettings.scaleType: "TargetUtilization" is for Kubernetes alone']
      : [],
};

const pathOf = (problem) => problem.split(':')[0];

/** What is wrong with the inputs of a resource; without secrets' marks, unknown values as the engine marks them. */
function publishedProblems(type, inputs) {
  if (!isCloud(type)) return [];
  const published = [
    ...(type.startsWith('azure-native:') ? azureProblems(type, inputs) : googleProblems(type, inputs)),
    ...(documented[type]?.(inputs) ?? []),
  ];
  const told = new Set(published.map(pathOf));
  return [...published, ...declaredProblems(type, inputs).filter((problem) => !told.has(pathOf(problem)))];
}

module.exports = { publishedProblems };
