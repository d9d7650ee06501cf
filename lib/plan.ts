/** The one place where the rooms meet: a spec and a platform in, a plan out. Pure data, the same for the same input. */

import type { RecipeFile } from './contract/recipe.js';
import type { ServingFile } from './contract/serving.js';
import { type Problem, ProblemsError } from './errors.js';
import type { HardwareChoice } from './hardware/machine.js';
import { selectHardware } from './hardware/select.js';
import { optimizedFiles, planServing } from './image/serving.js';
import { endpointName, type ModelSource } from './model/model.js';
import type { ModelProfile } from './model/profile.js';
import { readModel, servingProblems } from './model/read.js';
import { boundDims, checkSamples } from './model/sample-checks.js';
import { readLabelsInfo, readSamples } from './model/samples.js';
import { type MonitoringPlan, type MonitoringRequest, monitoringProblems, planMonitoring } from './monitoring/plan.js';
import { planRecipe } from './optimization/recipe.js';
import type { Platform, PlatformId } from './platforms.js';
import type { EndpointSpec } from './spec.js';
import { specProblems } from './spec-problems.js';

/** Everything that was decided for one endpoint. JSON-serialisable. */
export interface EndpointPlan {
  readonly schemaVersion: 1;
  readonly platform: PlatformId;
  readonly name: string;
  readonly source: ModelSource;
  readonly profile: ModelProfile;
  /** Sizes of the symbolic dimensions other than the batch. */
  readonly dims: Readonly<Record<string, number>>;
  readonly hardware: HardwareChoice;
  readonly recipe: RecipeFile;
  readonly serving: ServingFile;
  readonly monitoring: MonitoringPlan;
}

/** Time between two readings of the metrics, seconds. */
const scrapeSeconds = 2;

/**
 * Plans an endpoint. Reads the model's graph and the headers of the samples, nothing else; starts nothing.
 *
 * @throws ProblemsError with every problem of spec, model, samples and machine at once
 * @throws SlipwayError when a file cannot be read as what it should be
 */
export function planEndpoint(spec: EndpointSpec, platform: Platform): EndpointPlan {
  const own = specProblems(spec);
  if (own.length > 0) throw new ProblemsError('The endpoint cannot be planned', own);

  const source = spec.model;
  const name = endpointName(source);
  const profile = readModel(source.path);
  const samples = source.calibration ? readSamples(source.calibration) : undefined;
  const labels = source.labels ? readLabelsInfo(source.labels) : undefined;

  const bound = boundDims(profile, samples, source.dims ?? {});
  const hardware = selectHardware(profile, platform, spec.hardware);
  const monitoring: MonitoringRequest = {
    model: name,
    slo: { p99Ms: spec.objective?.p99Ms, ...spec.monitoring?.slo },
    scrapeSeconds,
  };
  const problems: Problem[] = [
    ...servingProblems(profile),
    ...(samples ? checkSamples(profile, samples, labels) : []),
    ...bound.problems,
    ...monitoringProblems(monitoring),
    ...(Array.isArray(hardware) ? hardware : []),
  ];
  if (problems.length > 0 || Array.isArray(hardware)) {
    throw new ProblemsError(`Endpoint '${name}' cannot be planned`, problems);
  }

  const { dims } = bound;
  return {
    schemaVersion: 1,
    platform: platform.id,
    name,
    source,
    profile,
    dims,
    hardware,
    recipe: planRecipe({
      name,
      profile,
      platform: platform.id,
      hardware,
      optimization: spec.optimization,
      dims,
      samples: samples !== undefined,
    }),
    serving: planServing({ name, serving: spec.serving, dims, files: optimizedFiles }),
    monitoring: planMonitoring(monitoring),
  };
}
