/** `import … from 'slipway/gcp'`: what every platform's description shares. The constructs of this cloud are not part of this version. */

export { Hardware, type HardwareRequest } from '../../lib/hardware/hardware.js';
export { Model, type ModelSource, type OnnxOptions } from '../../lib/model/model.js';
export type { EndpointSpec } from '../../lib/spec.js';
