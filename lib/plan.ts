/** The one place where the rooms meet: a spec and a platform in, a plan out. Pure data, the same for the same input. */

import type { RecipeFile } from './contract/recipe.js';
import type { ServingFile } from './contract/serving.js';
import { type Problem, ProblemsError, SlipwayError } from './errors.js';
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

/** A latency objective comes from `objective` unless `monitoring` has its own: the problem is told where the user gave it. */
function asAsked(problem: Problem, spec: EndpointSpec): Problem {
  const inherited = problem.where === 'monitoring.slo.p99Ms' && spec.monitoring?.slo?.p99Ms === undefined;
  return inherited ? { ...problem, where: 'objective.p99Ms' } : problem;
}

/** The model's graph, and the headers of samples and labels; every file that cannot be read is told at once. */
function readFiles(name: string, source: ModelSource) {
  const problems: Problem[] = [];
  const read = <T>(where: string, path: string | undefined, reader: (path: string) => T): T | undefined => {
    try {
      return path === undefined ? undefined : reader(path);
    } catch (error) {
      if (!(error instanceof SlipwayError)) throw error;
      problems.push({ where, what: error.message });
      return undefined;
    }
  };
  const profile = read('model', source.path, readModel);
  const samples = read('samples', source.calibration, readSamples);
  const labels = read('labels', source.labels, readLabelsInfo);
  if (!profile || problems.length > 0) throw new ProblemsError(`Endpoint '${name}' cannot be planned`, problems);
  return { profile, samples, labels };
}

/** Time between two readings of the metrics, seconds. */
const scrapeSeconds = 2;

/**
 * Plans an endpoint. Reads the model's graph and the headers of the samples, nothing else; starts nothing.
 *
 * @throws ProblemsError: first with every problem of the spec's own values, then with every file that cannot be read, then with
 *   every way in which model, samples, machine and objectives do not fit together
 */
export function planEndpoint(spec: EndpointSpec, platform: Platform): EndpointPlan {
  const own = specProblems(spec);
  if (!Array.isArray(platform?.machines)) {
    own.push({ where: 'platform', what: `${JSON.stringify(platform)} is no platform; give local()` });
  }
  if (own.length > 0) throw new ProblemsError('The endpoint cannot be planned', own);

  const source = spec.model;
  const name = endpointName(source);
  const { profile, samples, labels } = readFiles(name, source);

  const bound = boundDims(profile, samples, source.dims ?? {});
  const hardware = selectHardware(profile, platform, spec.hardware);
  const monitoring: MonitoringRequest = {
    model: name,
    slo: { ...spec.monitoring?.slo, p99Ms: spec.monitoring?.slo?.p99Ms ?? spec.objective?.p99Ms },
    scrapeSeconds,
  };
  const problems: Problem[] = [
    ...servingProblems(profile),
    ...(samples ? checkSamples(profile, samples, labels) : []),
    ...bound.problems,
    ...monitoringProblems(monitoring).map((problem) => asAsked(problem, spec)),
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
