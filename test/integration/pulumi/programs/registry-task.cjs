// An image that a registry of Azure builds. MODEL: another model.
const { join } = require('node:path');
const pulumi = require('@pulumi/pulumi');
const { Registry } = require('@pulumi/azure-native/containerregistry');
const { ResourceGroup } = require('@pulumi/azure-native/resources');

const from = (...path) => require(join(process.env.SLIPWAY_ROOT, 'dist', ...path));
const { registryTaskImage } = from('constructs', 'azure', 'registry-task.js');
const { layOut } = from('constructs', 'pulumi', 'image-build.js');
const { planned } = from('constructs', 'pulumi', 'endpoint-plan.js');
const { Model } = from('lib', 'index.js');

const { MODEL = 'digits' } = process.env;
const file = (end) => join(process.env.SLIPWAY_ROOT, 'examples', 'models', MODEL, end);

const parent = new pulumi.ComponentResource('shop:index:Endpoint', 'digits');
const model = Model.fromOnnx(file(`${MODEL}.onnx`), { calibration: file('samples.npz') });
const plan = planned({ model, location: 'westeurope' }, 'azure-ml', []);
const { name: resourceGroupName } = new ResourceGroup('models', { location: 'westeurope' }, { parent });
const registry = new Registry('images', { resourceGroupName, sku: { name: 'Basic' } }, { parent });

exports.image = registryTaskImage(
  'digits',
  plan,
  layOut(plan, {}),
  { loginServer: registry.loginServer, registryName: registry.name, resourceGroupName },
  { parent, resourceGroupName, location: 'westeurope', tags: {} },
);
