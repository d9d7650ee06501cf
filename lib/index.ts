/** `import … from 'slipway'`: describe an endpoint, plan it, run it here. */

export type { RecipeFile } from './contract/recipe.js';
export type { ReportFile } from './contract/report.js';
export type { ServingFile } from './contract/serving.js';
export { GateFailedError, type Problem, ProblemsError, SlipwayError } from './errors.js';
export type { Candidate, Rejection } from './hardware/candidate.js';
export type { HardwareChoice, HardwareFacts, RuntimeChoice } from './hardware/choice.js';
export type { Precision, Provider } from './hardware/estimate/precision.js';
export { Hardware, type HardwareLimits, type HardwareRequest } from './hardware/hardware.js';
export type { InstructionSet, Machine, Price } from './hardware/machine.js';
export { type CloudOptions, cloud } from './hardware/offer.js';
export type { Platform } from './hardware/platform.js';
export { type ContextFile, type ImageContext, type ImageOptions, imageContext } from './image/context.js';
export { writeContext } from './image/write-context.js';
export { type LocalEndpoint, type LocalOptions, type Observer, runLocally } from './local/endpoint.js';
export { local } from './local/machine.js';
export type { SampleRequest } from './local/sample.js';
export type { OptimizationSummary } from './lock/optimization.js';
export { Model, type ModelSource, type OnnxOptions, type ProfileOptions } from './model/model.js';
export type { Dim, DType, ExternalFile, Family, ModelProfile, Quantization, TensorInfo } from './model/profile.js';
export { readModel } from './model/read.js';
export { type MonitoringPlan, type MonitoringRequest, planMonitoring } from './monitoring/plan.js';
export { prometheusConfig, prometheusRules, type ScrapeTarget } from './monitoring/prometheus-rules.js';
export { type EndpointPlan, type PlanSettings, planEndpoint } from './plan.js';
export type { PlatformId } from './platforms.js';
export type {
  DriftSpec,
  EndpointSpec,
  GateSpec,
  MetricSpec,
  MonitoringSpec,
  Objective,
  OptimizationSpec,
  PayloadSpec,
  RepairSpec,
  ScalingSpec,
  ServingSpec,
  SloSpec,
} from './spec.js';
