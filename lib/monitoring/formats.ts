/** Monitoring, the forms that an existing monitoring takes. */

/** The forms, each with the platforms it is for, the usual one first. */
export const formats = {
  prometheus: ['local'],
  grafana: ['local'],
  cloudwatch: ['aws-sagemaker'],
  gcp: ['gcp-cloud-run', 'gcp-vertex'],
  azure: ['azure-ml', 'azure-container-apps'],
} as const;

export type Format = keyof typeof formats;

export interface MonitoringExport {
  readonly format: Format;
  readonly platform: (typeof formats)[Format][number];
  /** Null on `local`. */
  readonly region: string | null;
  /** Name of the endpoint there, on Azure its full resource id; null for the model's name. */
  readonly endpoint: string | null;
}
