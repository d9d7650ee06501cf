/** `import … from 'slipway/azure'`: components for Pulumi. */

export { ProblemsError, SlipwayError } from '../../lib/errors.js';
export { Hardware, type HardwareRequest } from '../../lib/hardware/hardware.js';
export { Model, type ModelSource, type OnnxOptions, type ProfileOptions } from '../../lib/model/model.js';
export type { EndpointPlan } from '../../lib/plan.js';
export type { EndpointSpec } from '../../lib/spec.js';
export type { ScalingSchedule, Weekday } from '../pulumi/schedules.js';
export { ContainerAppEndpoint, type ContainerAppEndpointResources } from './container-app-endpoint.js';
export type { AuthenticationArgs } from './container-apps/authentication.js';
export type { ContainerAppEndpointArgs } from './container-apps/container-app-args.js';
export type { ContainerAppAddress, ContainerAppReference } from './container-apps/existing-container-app.js';
export type { BoundEnvironment, EnvironmentArgs, EnvironmentReference } from './container-apps/managed-environment.js';
export type { TrafficTarget } from './container-apps/revisions.js';
export {
  type BoundImage,
  ContainerImage,
  type DockerImageOptions,
  type PlannedImageOptions,
  type RegistryReference,
  type RegistryTaskImageOptions,
} from './container-image.js';
export type { FoundationArgs, IdentityReference, SecretReference } from './foundation.js';
export type { DataCaptureArgs, DriftMonitorArgs } from './machine-learning/data-capture.js';
export type { Deployed } from './machine-learning/deployment.js';
export type { DeploymentArgs, Invoker, ModelEndpointArgs } from './machine-learning/endpoint-args.js';
export type { Endpoint, EndpointReference } from './machine-learning/existing-endpoint.js';
export type { Shares } from './machine-learning/traffic.js';
export type { EncryptionKey, WorkspaceReference } from './machine-learning/workspace.js';
export { ModelEndpoint, type ModelEndpointResources } from './model-endpoint.js';
export type { WatchedArgs } from './monitoring.js';
export type { PrincipalType } from './roles.js';
