/** `import … from 'slipway/policy'`: rules for endpoints, as policies of Pulumi. */

export { ProblemsError, SlipwayError } from '../../lib/errors.js';
export { type EndpointPoliciesOptions, endpointPolicies } from './endpoint-policies.js';
