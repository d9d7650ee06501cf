/** `import … from 'slipway/azure'`: components for Pulumi. */

export { ProblemsError, SlipwayError } from '../../lib/errors.js';
export { Hardware, type HardwareRequest } from '../../lib/hardware/hardware.js';
export { Model, type ModelSource, type OnnxOptions, type ProfileOptions } from '../../lib/model/model.js';
export type { EndpointPlan } from '../../lib/plan.js';
export type { EndpointSpec } from '../../lib/spec.js';
export type { ScalingSchedule, Weekday } from '../pulumi/schedules.js';
export type { AuthenticationArgs } from './authentication.js';
export type { ContainerAppEndpointArgs } from './container-app-args.js';
export { ContainerAppEndpoint, type ContainerAppEndpointResources } from './container-app-endpoint.js';
export {
  type BoundImage,
  ContainerImage,
  type DockerImageOptions,
  type PlannedImageOptions,
  type RegistryReference,
  type RegistryTaskImageOptions,
} from './container-image.js';
export type { Deployed } from './deployment.js';
export type { DeploymentArgs, Invoker, ModelEndpointArgs } from './endpoint-args.js';
export type { ContainerAppAddress, ContainerAppReference } from './existing-container-app.js';
export type { Endpoint, EndpointReference } from './existing-endpoint.js';
export type { FoundationArgs, IdentityReference, SecretReference } from './foundation.js';
export type { BoundEnvironment, EnvironmentArgs, EnvironmentReference } from './managed-environment.js';
export { ModelEndpoint, type ModelEndpointResources } from './model-endpoint.js';
export type { TrafficTarget } from './revisions.js';
export type { PrincipalType } from './roles.js';
export type { Shares } from './traffic.js';
export type { EncryptionKey, WorkspaceReference } from './workspace.js';
