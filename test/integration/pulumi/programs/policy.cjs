// Endpoints that nobody guards, on both clouds, made without Slipway.
const gcp = require('@pulumi/gcp');
const azure = require('@pulumi/azure-native');

const bad = new gcp.cloudrunv2.Service('bad', {
  location: 'europe-west4',
  ingress: 'INGRESS_TRAFFIC_ALL',
  scaling: { maxInstanceCount: 20 },
  traffics: [{ percent: 100 }],
  template: {
    nodeSelector: { accelerator: 'nvidia-l4' },
    containers: [
      {
        image: 'europe-west4-docker.pkg.dev/shop/images/fraud:latest',
        resources: { limits: { cpu: '4', memory: '16384Mi', 'nvidia.com/gpu': '1' }, cpuIdle: false },
        startupProbe: { periodSeconds: 10 },
      },
    ],
  },
});
new gcp.cloudrunv2.ServiceIamMember('open', {
  name: bad.name,
  location: 'europe-west4',
  role: 'roles/run.invoker',
  member: 'allUsers',
});

const { name: resourceGroupName } = new azure.resources.ResourceGroup('shop');
const environment = new azure.app.ManagedEnvironment('apps', {
  resourceGroupName,
  workloadProfiles: [{ name: 'gpu', workloadProfileType: 'Consumption-GPU-NC24-A100' }],
});
new azure.app.ContainerApp('app', {
  resourceGroupName,
  environmentId: environment.id,
  workloadProfileName: 'gpu',
  configuration: { ingress: { external: true, targetPort: 8080 } },
  template: { containers: [{ name: 'app', image: 'shop.azurecr.io/fraud:1' }], scale: { maxReplicas: 4 } },
});
