/** How Docker logs in to a registry that may have been made a moment ago, with the identity that Pulumi itself has. */

import { getClientTokenOutput } from '@pulumi/azure-native/authorization/getClientToken.js';
import * as pulumi from '@pulumi/pulumi';
import { SlipwayError } from '../../lib/errors.js';

/** Stands for a token in the place of a user (Azure Container Registry, authentication with Entra ID). */
const tokenUser = '00000000-0000-0000-0000-000000000000';

/** Exchanges a token of Azure's management for one of the registry. */
async function registryToken(loginServer: string, token: string): Promise<string> {
  const answer = await fetch(`https://${loginServer}/oauth2/exchange`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'access_token', service: loginServer, access_token: token }),
    signal: AbortSignal.timeout(30_000),
  });
  if (!answer.ok) {
    throw new SlipwayError(
      `The registry ${loginServer} gives no token for pushing: ${answer.status} ${(await answer.text()).slice(0, 300)}. Give whoever runs 'pulumi up' the role AcrPush on it`,
    );
  }
  const { refresh_token: refresh } = (await answer.json()) as { readonly refresh_token: string };
  return refresh;
}

/** Credentials of the registry for one update; a preview asks nobody. The password is secret. */
export function registryLogin(loginServer: pulumi.Output<string>, parent: pulumi.Resource) {
  const password = pulumi.runtime.isDryRun()
    ? pulumi.output('')
    : pulumi
        .all([loginServer, getClientTokenOutput({}, { parent }).token])
        .apply(([at, token]) => registryToken(at, token));
  return { address: loginServer, username: tokenUser, password: pulumi.secret(password) };
}
