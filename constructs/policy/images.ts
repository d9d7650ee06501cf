/** A rule for what an endpoint runs: an image that nobody can exchange. */

import { at, each, type Known, texts } from './known.js';
import { isDynamic, type ResourceRule, type RuleResource, types } from './rule.js';

const containers = (properties: Known, ...groups: readonly string[]): Known[] =>
  groups.flatMap((group) => each(properties, 'template', group).map((container) => at(container, 'image')));

/** Images of a resource. */
function imagesOf({ type, properties }: RuleResource): readonly Known[] {
  if (type === types.cloudRun) return containers(properties, 'containers');
  if (type === types.containerApp) return containers(properties, 'containers', 'initContainers');
  if (type === types.environment) return [at(properties, 'properties', 'image')];
  if (type === types.modelGarden) return [at(properties, 'modelConfig', 'containerSpec', 'imageUri')];
  return isDynamic(type, 'VertexModel') ? [at(properties, 'model', 'containerSpec', 'imageUri')] : [];
}

export const imageDigest: ResourceRule = {
  name: 'slipway-image-digest',
  description: 'An image is named by its digest, so that what was tested is what runs.',
  fix: 'Name it REPOSITORY@sha256:…; an image that Slipway builds has its digest.',
  severity: 'medium',
  unless: 'turned off',
  resource: (resource) =>
    texts(imagesOf(resource))
      .filter((image) => image !== '' && !/@sha256:[0-9a-f]{64}$/.test(image))
      .map((image) => `${image} has no digest`),
};
