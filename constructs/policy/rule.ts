/** What a rule for endpoints is: data and a function, whatever framework asks. */

import type { Known } from './known.js';

/** A resource as rules see it. */
export interface RuleResource {
  /** Without the version of an API: `azure-native:app:ContainerApp`. */
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly properties: Known;
}

/** A resource among the others of its stack. */
export interface StackResource extends RuleResource {
  /** Resources that a property was made from. */
  readonly from: (property: string) => readonly StackResource[];
}

/** How a rule may be set; every rule has `except`. */
export interface RuleSettings {
  /** Names of resources that may break the rule. */
  readonly except: readonly string[];
  /** Accelerators of one endpoint, most. */
  readonly most: number;
  /** Kinds of accelerators; empty for all. */
  readonly allowed: readonly string[];
}

interface Common {
  readonly name: string;
  readonly description: string;
  /** What to do, a sentence. */
  readonly fix: string;
  readonly severity: 'low' | 'medium' | 'high';
  /** Whether it holds unless somebody turns it off, or only once somebody asks for it. */
  readonly unless: 'turned off' | 'asked';
  /** Rules of checkov that say the same. */
  readonly checkov?: readonly string[];
  /** What can be set besides `except`. */
  readonly settings?: readonly ('most' | 'allowed')[];
}

/** A rule for one resource. */
export interface ResourceRule extends Common {
  /** What is wrong, each as what follows `Here `. */
  readonly resource: (resource: RuleResource) => readonly string[];
}

/** Something that is wrong in a stack. */
export interface Finding {
  /** As what follows `Here `. */
  readonly what: string;
  /** Null for the whole stack. */
  readonly resource: RuleResource | null;
}

/** A rule for all resources of a stack together. */
export interface StackRule extends Common {
  readonly stack: (resources: readonly StackResource[], settings: RuleSettings) => readonly Finding[];
}

export type Rule = ResourceRule | StackRule;

/** Types of the resources that rules look at. */
export const types = {
  cloudRun: 'gcp:cloudrunv2/service:Service',
  vertexEndpoint: 'gcp:vertex/aiEndpoint:AiEndpoint',
  modelGarden: 'gcp:vertex/aiEndpointWithModelGardenDeployment:AiEndpointWithModelGardenDeployment',
  googleBudget: 'gcp:billing/budget:Budget',
  onlineEndpoint: 'azure-native:machinelearningservices:OnlineEndpoint',
  onlineDeployment: 'azure-native:machinelearningservices:OnlineDeployment',
  environment: 'azure-native:machinelearningservices:EnvironmentVersion',
  workspace: 'azure-native:machinelearningservices:Workspace',
  autoscale: 'azure-native:monitor:AutoscaleSetting',
  containerApp: 'azure-native:app:ContainerApp',
  containerAppAuth: 'azure-native:app:ContainerAppsAuthConfig',
  containerAppEnvironment: 'azure-native:app:ManagedEnvironment',
} as const;

/** A resource of Slipway's own that talks to Vertex AI, or one of the same name from elsewhere. */
export const isDynamic = (type: string, name: 'VertexModel' | 'VertexDeployedModel'): boolean =>
  type.startsWith('pulumi-nodejs:dynamic') && type.endsWith(`:${name}`);

/** `azure-native:app/v20240301:ContainerApp` and `azure-native_app_v20240301:app:ContainerApp` are `azure-native:app:ContainerApp`. */
export const withoutVersion = (type: string): string =>
  type.replace(/^azure-native(?:_\w+)?:(\w+)(?:\/v\w+)?:/, 'azure-native:$1:');
