/** `import … from 'slipway/aws'`: constructs for the AWS CDK. */

export { ProblemsError, SlipwayError } from '../../lib/errors.js';
export { Hardware, type HardwareRequest } from '../../lib/hardware/hardware.js';
export { Model, type ModelSource, type OnnxOptions, type ProfileOptions } from '../../lib/model/model.js';
export type { EndpointPlan } from '../../lib/plan.js';
export type { BudgetSpec, EndpointSpec, RolloutSpec } from '../../lib/spec.js';
export type { VariantAlarms } from './alarms.js';
export {
  AsyncModelEndpoint,
  type AsyncModelEndpointProps,
  type AsyncModelEndpointResources,
} from './async-model-endpoint.js';
export {
  type BoundImage,
  ContainerImage,
  type PlannedImageOptions,
  type RemoteImageOptions,
} from './container-image.js';
export { costTag } from './cost-guards.js';
export type { DataCaptureOptions } from './data-capture.js';
export type { DriftMonitor, DriftMonitorOptions } from './drift-monitor.js';
export type { IModelEndpoint } from './endpoint-base.js';
export type { MetricOptions } from './endpoint-metrics.js';
export type { EndpointOptions } from './endpoint-options.js';
export {
  type MetricDetail,
  ModelEndpoint,
  type ModelEndpointProps,
  type ModelEndpointResources,
} from './model-endpoint.js';
export type { NetworkOptions } from './network.js';
export type { QueueAlarms } from './queue-monitoring.js';
export type { ScalingSchedule } from './scaling.js';
export {
  ServerlessModelEndpoint,
  type ServerlessModelEndpointProps,
  type ServerlessModelEndpointResources,
} from './serverless-model-endpoint.js';
export { EndpointRules, type EndpointRulesOptions } from './validation-rules.js';
export type { CapacityReservation, ShadowOptions, VariantOptions } from './variant.js';
