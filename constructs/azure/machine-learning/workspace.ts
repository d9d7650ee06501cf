/** The workspace of Azure Machine Learning that an endpoint lies in: a new one with what it needs, or yours. */

import { Component } from '@pulumi/azure-native/applicationinsights/component.js';
import type { Registry } from '@pulumi/azure-native/containerregistry/registry.js';
import { Vault } from '@pulumi/azure-native/keyvault/vault.js';
import { Workspace } from '@pulumi/azure-native/machinelearningservices/workspace.js';
import { Workspace as Logs } from '@pulumi/azure-native/operationalinsights/workspace.js';
import { StorageAccount } from '@pulumi/azure-native/storage/storageAccount.js';
import * as pulumi from '@pulumi/pulumi';
import { type Foundation, plainName } from '../foundation.js';

/** A workspace that is there already, in the endpoint's resource group. */
export interface WorkspaceReference {
  readonly name: pulumi.Input<string>;
  /**
   * Full resource id of a Log Analytics workspace, for alerts on the log of requests.
   *
   * @default - none: what needs the log is not watched
   */
  readonly logsId?: pulumi.Input<string>;
  /**
   * Full resource id of the storage account that models are in; the endpoint's identity gets the role to read it.
   *
   * @default - none: granting it is yours to do
   */
  readonly storageId?: pulumi.Input<string>;
}

/** What was made for a workspace. */
export interface WorkspaceResources {
  readonly workspace: Workspace;
  readonly storageAccount: StorageAccount;
  readonly vault: Vault;
  readonly applicationInsights: Component;
  readonly logs: Logs;
}

export interface BoundWorkspace {
  readonly name: pulumi.Output<string>;
  /** Of a storage account; null where it is not known. */
  readonly storageId: pulumi.Output<string> | null;
  /** Of a Log Analytics workspace; null where there is none. */
  readonly logsId: pulumi.Output<string> | null;
  /** Null where one was given. */
  readonly made: WorkspaceResources | null;
}

export const givenWorkspace = ({ name, logsId, storageId }: WorkspaceReference): BoundWorkspace => ({
  name: pulumi.output(name),
  logsId: logsId === undefined ? null : pulumi.output(logsId),
  storageId: storageId === undefined ? null : pulumi.output(storageId),
  made: null,
});

export interface NewWorkspaceArgs {
  readonly location: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly publicAccess: 'Enabled' | 'Disabled';
  /** Null where images come from elsewhere. */
  readonly registry: Registry | null;
  /** Full address of a key in Key Vault with its vault's resource id; null for Microsoft's own. */
  readonly encryptionKey: EncryptionKey | null;
}

/** A customer's own key. */
export interface EncryptionKey {
  /** Full resource id of the vault. */
  readonly vaultId: pulumi.Input<string>;
  /** Address of the key with its version, `https://VAULT.vault.azure.net/keys/NAME/VERSION`. */
  readonly keyUrl: pulumi.Input<string>;
}

/** Makes a workspace with its storage, vault and logs. */
export function newWorkspace(
  name: string,
  { location, tags, publicAccess, registry, encryptionKey }: NewWorkspaceArgs,
  { resourceGroupName, tenantId }: Foundation,
  parent: pulumi.Resource,
): BoundWorkspace {
  const inside = { parent };
  const place = { resourceGroupName, location, tags: { ...tags } };
  const storageAccount = new StorageAccount(
    plainName(name, 15),
    {
      ...place,
      kind: 'StorageV2',
      sku: { name: 'Standard_LRS' },
      allowBlobPublicAccess: false,
      enableHttpsTrafficOnly: true,
      minimumTlsVersion: 'TLS1_2',
    },
    inside,
  );
  const vault = new Vault(
    plainName(name, 15),
    {
      ...place,
      properties: { tenantId, sku: { family: 'A', name: 'standard' }, enableRbacAuthorization: true },
    },
    inside,
  );
  const logs = new Logs(name, { ...place, sku: { name: 'PerGB2018' }, retentionInDays: 30 }, inside);
  const applicationInsights = new Component(
    name,
    {
      ...place,
      kind: 'web',
      applicationType: 'web',
      ingestionMode: 'LogAnalytics',
      workspaceResourceId: logs.id,
    },
    inside,
  );
  const workspace = new Workspace(
    name,
    {
      ...place,
      identity: { type: 'SystemAssigned' },
      sku: { name: 'Basic', tier: 'Basic' },
      storageAccount: storageAccount.id,
      keyVault: vault.id,
      applicationInsights: applicationInsights.id,
      publicNetworkAccess: publicAccess,
      ...(registry && { containerRegistry: registry.id }),
      ...(encryptionKey && {
        encryption: {
          status: 'Enabled',
          keyVaultProperties: { keyVaultArmId: encryptionKey.vaultId, keyIdentifier: encryptionKey.keyUrl },
        },
      }),
    },
    inside,
  );
  return {
    name: workspace.name,
    storageId: storageAccount.id,
    logsId: logs.id,
    made: { workspace, storageAccount, vault, applicationInsights, logs },
  };
}
