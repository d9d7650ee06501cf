/** Builds the image of an endpoint with Google's Cloud Build while a stack is updated; a preview builds nothing. */

import type * as command from '@pulumi/command';
import * as pulumi from '@pulumi/pulumi';
import { ProblemsError, problemsOf } from '../../lib/errors.js';
import type { SecretId } from '../../lib/image/dockerfile.js';
import type { EndpointPlan } from '../../lib/plan.js';
import { type BuildOptions, builderPackage, type LaidOut, tagged } from '../pulumi/image-build.js';

export interface CloudBuildOptions extends Omit<BuildOptions, 'buildSecrets'> {
  /**
   * Repository that is pushed to, `europe-west4-docker.pkg.dev/PROJECT/NAME`; the build runs in its project.
   *
   * @default - a new one in Artifact Registry
   */
  readonly repository?: pulumi.Input<string>;
  /**
   * Region of the build, `europe-west4`.
   *
   * @default 'global'
   */
  readonly region?: string;
  /**
   * Machine of the build, as Cloud Build names it. The gate measures on it.
   *
   * @default 'E2_HIGHCPU_8'
   */
  readonly machineType?: string;
  /**
   * Time that the build may take, seconds, whole, 1 to 86400.
   *
   * @default 3600
   */
  readonly timeoutSeconds?: number;
  /**
   * Account that the build runs as, `projects/PROJECT/serviceAccounts/E-MAIL`; its log then goes to Cloud Logging alone.
   *
   * @default - the project's own for builds
   */
  readonly serviceAccount?: pulumi.Input<string>;
  /**
   * Build secrets by id: full names of versions in Secret Manager, `projects/PROJECT/secrets/NAME/versions/latest`. The build reads them;
   * neither the program nor the state sees a value.
   *
   * @default - none
   */
  readonly buildSecrets?: Readonly<Partial<Record<SecretId, pulumi.Input<string>>>>;
}

/** @throws ProblemsError with everything that is wrong */
export function refuseCloudBuild({ timeoutSeconds = 3600 }: CloudBuildOptions): void {
  const problems = problemsOf([
    [
      !(Number.isInteger(timeoutSeconds) && timeoutSeconds >= 1 && timeoutSeconds <= 86_400),
      'timeoutSeconds',
      `${timeoutSeconds} is given; allowed: a whole number from 1 to 86400`,
    ],
  ]);
  if (problems.length > 0) throw new ProblemsError('The image cannot be built by Cloud Build', problems);
}

/** Only the digest is left on standard output. The configuration comes in on standard input. */
const script = `set -eu
config=$(mktemp)
trap 'rm -f "$config"' EXIT
cat > "$config"
gcloud builds submit "$SLIPWAY_CONTEXT" --config "$config" --project "$SLIPWAY_PROJECT" --region "$SLIPWAY_REGION" --quiet >&2
digest=$(gcloud artifacts docker images describe "$SLIPWAY_IMAGE" --project "$SLIPWAY_PROJECT" --format 'value(image_summary.digest)')
case "$digest" in
  sha256:*) printf %s "$digest" ;;
  *) echo "gcloud said '$digest' instead of the digest of $SLIPWAY_IMAGE. Update gcloud." >&2; exit 1 ;;
esac`;

/** A build of one step, as Cloud Build takes it. */
function configuration(
  image: string,
  { machineType = 'E2_HIGHCPU_8', timeoutSeconds = 3600 }: CloudBuildOptions,
  secrets: Readonly<Record<string, string>>,
  serviceAccount: string | undefined,
): string {
  const ids = Object.keys(secrets).sort();
  const variable = (id: string) => `SLIPWAY_${id.toUpperCase()}`;
  return JSON.stringify({
    steps: [
      {
        name: 'gcr.io/cloud-builders/docker',
        args: ['build', '--tag', image, ...ids.flatMap((id) => ['--secret', `id=${id},env=${variable(id)}`]), '.'],
        env: ['DOCKER_BUILDKIT=1'],
        ...(ids.length > 0 && { secretEnv: ids.map(variable) }),
      },
    ],
    images: [image],
    timeout: `${timeoutSeconds}s`,
    options: { machineType, ...(serviceAccount !== undefined && { logging: 'CLOUD_LOGGING_ONLY' }) },
    ...(serviceAccount !== undefined && { serviceAccount }),
    ...(ids.length > 0 && {
      availableSecrets: { secretManager: ids.map((id) => ({ versionName: secrets[id], env: variable(id) })) },
    }),
  });
}

/**
 * Sends a context to Cloud Build, which pushes the image.
 *
 * @param repository - `LOCATION-docker.pkg.dev/PROJECT/NAME`
 * @returns the image with its digest
 * @throws SlipwayError without the package `@pulumi/command`
 */
export function cloudBuiltImage(
  name: string,
  plan: EndpointPlan,
  { folder, context }: LaidOut,
  repository: pulumi.Output<string>,
  options: CloudBuildOptions,
  parent: pulumi.Resource,
): pulumi.Output<string> {
  const { Command } = (builderPackage('@pulumi/command') as typeof command).local;
  const image = pulumi.interpolate`${repository}/${tagged(plan, context)}`;
  const { buildSecrets = {}, serviceAccount, region = 'global' } = options;
  const built = new Command(
    `${name}-build`,
    {
      create: script,
      // Another content is another image.
      triggers: [context.digest],
      environment: {
        SLIPWAY_CONTEXT: folder,
        SLIPWAY_IMAGE: image,
        SLIPWAY_PROJECT: repository.apply((at) => at.split('/')[1] ?? ''),
        SLIPWAY_REGION: region,
      },
      stdin: pulumi
        .all([image, pulumi.output(buildSecrets), pulumi.output(serviceAccount)])
        .apply(([reference, secrets, account]) =>
          configuration(reference, options, secrets as Record<string, string>, account),
        ),
    },
    { parent },
  );
  return pulumi.interpolate`${image}@${built.stdout}`;
}
