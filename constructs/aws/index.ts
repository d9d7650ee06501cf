/** `import … from 'slipway/aws'`: constructs for the AWS CDK. */

export { ProblemsError, SlipwayError } from '../../lib/errors.js';
export { Hardware, type HardwareRequest } from '../../lib/hardware/hardware.js';
export { Model, type ModelSource, type OnnxOptions } from '../../lib/model/model.js';
export type { EndpointPlan } from '../../lib/plan.js';
export type { EndpointSpec } from '../../lib/spec.js';
export type { VariantAlarms } from './alarms.js';
export { type BoundImage, ContainerImage } from './container-image.js';
export type { IModelEndpoint } from './endpoint-base.js';
export type { MetricOptions } from './endpoint-metrics.js';
export { ModelEndpoint, type ModelEndpointProps, type ModelEndpointResources } from './model-endpoint.js';
export type { RolloutOptions } from './rollout.js';
export type { ScalingSchedule } from './scaling.js';
