/** `import … from 'slipway/gcp'`: components for Pulumi. */

export { ProblemsError, SlipwayError } from '../../lib/errors.js';
export { Hardware, type HardwareRequest } from '../../lib/hardware/hardware.js';
export { Model, type ModelSource, type OnnxOptions, type ProfileOptions } from '../../lib/model/model.js';
export type { EndpointPlan } from '../../lib/plan.js';
export type { EndpointSpec } from '../../lib/spec.js';
export type { ScalingSchedule, Weekday } from '../pulumi/schedules.js';
export type { CloudBuildOptions } from './cloud-build.js';
export { type BoundImage, ContainerImage, type PlannedImageOptions } from './container-image.js';
export type { Guarded } from './cost-guards.js';
export type { ModelEndpointArgs, NetworkArgs } from './endpoint-args.js';
export type { Endpoint, EndpointReference } from './existing-endpoint.js';
export type { SecretReference } from './identity.js';
export { ModelEndpoint, type ModelEndpointResources } from './model-endpoint.js';
export type { TrafficTarget } from './service.js';
export type {
  AskedVertexEndpoint,
  VertexEndpointReference,
} from './vertex/access.js';
export type { Deployed } from './vertex/deployment.js';
export type {
  PrivateServiceConnectArgs,
  RequestLogArgs,
  VertexDeploymentArgs,
  VertexEndpointArgs,
} from './vertex/endpoint-args.js';
export { VertexEndpoint, type VertexEndpointResources } from './vertex-endpoint.js';
