/** A policy pack that is ready: `pulumi preview --policy-pack node_modules/slipway/dist/constructs/policy/pack`. */

import { PolicyPack } from '@pulumi/policy';
import { endpointPolicies } from '../endpoint-policies.js';

new PolicyPack('slipway', {
  displayName: 'Slipway',
  description:
    'Endpoints for models on Google Cloud and Azure: who can reach them, what they run, and what they may cost.',
  policies: endpointPolicies(),
});
