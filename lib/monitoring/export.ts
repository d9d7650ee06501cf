/** Monitoring, what an existing monitoring takes: the plan of an endpoint in the form of each backend, as text. */

import type { EndpointPlan } from '../plan.js';
import { azureDocument } from './azure/document.js';
import { cloudMonitoringDocument } from './cloud-monitoring-document.js';
import { cloudRunDashboard, cloudRunMonitoring } from './cloud-run.js';
import { cloudWatchDocument } from './cloudwatch-document.js';
import type { MonitoringExport } from './formats.js';
import { grafanaDashboard } from './grafana.js';
import { prometheusRules } from './prometheus-rules.js';
import { vertexDashboard, vertexMonitoring } from './vertex.js';

export interface Exported {
  /** YAML for `prometheus`, one JSON document for the others. */
  readonly text: string;
  /** What is not watched, and what stands in the text for something of the user's, in words. */
  readonly notes: readonly string[];
}

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** Stands for the user's own project. */
const project = 'PROJECT';

function googleDocument({ monitoring, hardware }: EndpointPlan, platform: string, name: string) {
  const { chosen } = hardware;
  const usdPerHour = chosen.price?.usdPerHour ?? null;
  const service = `projects/${project}/services/${name}`;
  if (platform === 'gcp-cloud-run') {
    const { processors, accelerator } = chosen;
    const instance = { processors, accelerated: accelerator !== null, usdPerHour };
    const dashboard = cloudRunDashboard(monitoring, name, instance);
    return cloudMonitoringDocument(name, service, cloudRunMonitoring(monitoring, name), dashboard);
  }
  // One deployed model, whichever it is.
  const watched = {
    id: name,
    isPrivate: false,
    deployments: [{ id: name, memoryBytes: chosen.memoryBytes, accelerator: chosen.accelerator, usdPerHour }],
  };
  const dashboard = vertexDashboard(monitoring, watched);
  return cloudMonitoringDocument(name, service, vertexMonitoring(monitoring, watched), dashboard);
}

/** The monitoring of a plan in one form. The same plan gives the same text. */
export function monitoringExport(
  plan: EndpointPlan,
  { format, platform, region, endpoint }: MonitoringExport,
): Exported {
  const name = endpoint ?? plan.name;
  const { chosen } = plan.hardware;
  switch (format) {
    case 'prometheus':
      return { text: prometheusRules(plan.monitoring), notes: plan.monitoring.notes };
    case 'grafana':
      return { text: `${grafanaDashboard(plan.monitoring)}\n`, notes: [] };
    case 'cloudwatch': {
      const document = cloudWatchDocument(plan.monitoring, {
        ...{ endpoint: name, variant: 'main', region: region! },
        machine: chosen,
        usdPerHour: chosen.price?.usdPerHour ?? null,
      });
      return { text: json(document), notes: document.notes };
    }
    case 'gcp': {
      const document = googleDocument(plan, platform, name);
      return { text: json(document), notes: [...document.notes, `${project} stands for your project`] };
    }
    case 'azure': {
      const document = azureDocument(plan, platform as 'azure-ml' | 'azure-container-apps', region!, endpoint);
      return { text: json(document), notes: document.notes };
    }
  }
}
