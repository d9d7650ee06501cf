/** A rule for what an endpoint stores: under a key of yours. */

import { at, isMissing, type Known } from './known.js';
import { isDynamic, type ResourceRule, type RuleResource, types } from './rule.js';

/** Where a resource has its key; null where it has none. */
function keyOf({ type, properties }: RuleResource): { readonly place: string; readonly key: Known } | null {
  if (type === types.cloudRun)
    return { place: 'template.encryptionKey', key: at(properties, 'template', 'encryptionKey') };
  if (type === types.vertexEndpoint) {
    return { place: 'encryptionSpec.kmsKeyName', key: at(properties, 'encryptionSpec', 'kmsKeyName') };
  }
  if (isDynamic(type, 'VertexModel')) {
    return { place: 'model.encryptionSpec.kmsKeyName', key: at(properties, 'model', 'encryptionSpec', 'kmsKeyName') };
  }
  if (type === types.workspace) {
    return {
      place: 'encryption.keyVaultProperties.keyIdentifier',
      key: at(properties, 'encryption', 'keyVaultProperties', 'keyIdentifier'),
    };
  }
  return null;
}

export const customerKey: ResourceRule = {
  name: 'slipway-customer-key',
  description: 'What an endpoint stores is under a key of yours.',
  fix: 'Give encryptionKey to the endpoint.',
  severity: 'medium',
  unless: 'asked',
  checkov: ['CKV2_GCP_24'],
  resource(resource) {
    const found = keyOf(resource);
    return found && isMissing(found.key) ? [`${found.place} is missing`] : [];
  },
};
