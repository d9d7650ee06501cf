// Machine types of every platform: from the collected table to `machines.csv`.
import { six } from './table.mjs';

const platforms = {
  sagemaker: 'aws-sagemaker',
  'azureml-online': 'azure-ml',
  'azure-container-apps': 'azure-container-apps',
  'cloud-run': 'gcp-cloud-run',
  'cloud-run-gpu': 'gcp-cloud-run',
  vertex: 'gcp-vertex',
};

/** Machines that are listed but cannot be had for an endpoint. */
const withdrawn = [
  /^Standard_NC\d+s_v3$/, // retired by Azure on 2025-09-30
  /^g4-standard-(6|12|24)$/, // shares of a GPU: not confirmed for Vertex
];

/** Processors by the text of the collected table. Nothing where the families of `cpus.csv` do not cover it. */
const processors = [
  [/Graviton2/, ['graviton2']],
  [/Graviton3/, ['graviton3']],
  [/Graviton4/, ['graviton4']],
  [/8168\/8272CL\/8370C/, ['intel-skx', 'intel-clx', 'intel-icx']],
  [/E5-2673\/8171M\/8272CL/, ['intel-haswell-skl-mix', 'intel-skx', 'intel-clx']],
  [/E5-2673\/8272CL/, ['intel-haswell-skl-mix', 'intel-clx']],
  [/8124M\/8275CL|8175M\/8259CL/, ['intel-skx', 'intel-clx']],
  [/Cascade Lake\/Ice Lake/, ['intel-clx', 'intel-icx']],
  [/Skylake\/Broadwell\/Haswell|^mixed$/, ['intel-haswell-skl-mix']],
  [/Rome\/Milan|7452\/7763/, ['amd-rome', 'amd-milan']],
  [/8375C/, ['intel-icx']],
  [/8488C|Sapphire Rapids/, ['intel-spr']],
  [/8559C/, ['intel-emr']],
  [/6975P/, ['intel-gnr']],
  [/8259CL|8275CL|6246R|Cascade Lake/, ['intel-clx']],
  [/7R32|7V12/, ['amd-rome']],
  [/7R13|7V13|74F3V|EPYC Milan/, ['amd-milan']],
  [/9V84/, ['amd-genoa']],
];

const cpusOf = (model) => processors.find(([pattern]) => pattern.test(model))?.[1] ?? [];

const shape = /^(?:nvidia-(\S+) )?(\d+)vCPU\/([\d.]+)GiB( zonal redundancy)?/;

/** The platform's own name; sizes of Cloud Run and Container Apps and T4s beside N1 get a name without spaces. */
function nameOf(row) {
  const name = row.instance_type;
  if (row.platform.startsWith('cloud-run')) {
    const [, gpu, cpu, memory, zonal] = shape.exec(name);
    return [`${cpu}cpu`, `${memory}gib`, gpu, zonal && 'zonal'].filter(Boolean).join('-');
  }
  if (row.platform === 'azure-container-apps') {
    const size = /^Consumption ([\d.]+) vCPU\/([\d.]+) GiB$/.exec(name);
    return size ? `Consumption-${size[1]}cpu-${size[2]}gib` : name.replace('Dedicated ', '');
  }
  return name.replace(/ \+ NVIDIA_TESLA_T4 x(\d)/, '+$1xT4');
}

/** Vertex takes the machine type and the accelerator apart. */
const vmOf = (row) => row.vm_type.split('+')[0];

const fraction = (text) => {
  const [part, whole = 1] = text.split('/').map(Number);
  return six(part / whole);
};

const neuron = /inferentia|trainium/;
const rationed = /^ml\.(p4|p5|p6)/;

const quotas = {
  'aws-sagemaker': (name, row) => [
    `${name} for endpoint usage`,
    rationed.test(name)
      ? '0 by default, and mostly sold through training plans or capacity blocks'
      : row.accelerator
        ? 'often 0 or 1 in a new account; ask for each type and region'
        : 'one quota for each type and region',
    neuron.test(row.accelerator) && 'needs a Neuron build: ONNX Runtime has no provider for it',
  ],
  'azure-ml': (_name, row) => [
    `${row.vcpu} cores of the VM family an instance`,
    /exempt/.test(row.quota_or_availability_note) ? 'no 20 % for upgrades' : 'and 20 % more for upgrades',
    row.accelerator && '0 cores by default',
    row.accelerator_count.includes('/') && `${row.accelerator_count} of a GPU, shared by time`,
  ],
  'azure-container-apps': (name, row) => {
    if (!row.accelerator) return ['Managed Environment General Purpose Cores'];
    if (name.startsWith('Consumption')) return ['serverless GPU quota, by support request', 'one whole GPU a replica'];
    return ['capacity by support request, fixed when the environment is made'];
  },
  'gcp-cloud-run': (name, row) => {
    if (!row.accelerator) return [];
    if (row.accelerator !== 'l4') return ['one GPU an instance', 'asia-south2 by invitation'];
    const redundancy = name.endsWith('zonal') ? '' : 'NoZonalRedundancy';
    return [
      `NvidiaL4GpuAlloc${redundancy}PerProjectRegion`,
      'often 0 in a new project',
      'asia-south1 and us-central1 by invitation',
    ];
  },
  'gcp-vertex': (name, row) => [
    row.accelerator && 'custom model serving GPUs of this kind, for each project and region',
    /^(a4|a4x|a3-ultragpu)/.test(name) && 'sold by reservation, flex-start or spot only',
    /^a3-highgpu-[124]g$/.test(name) && 'sold as spot or flex-start only',
    row.accelerator === 't4' && 'T4 only beside N1; not in every zone',
  ],
};

/**
 * @param collected - rows of `instances.csv`
 * @param hosting - cfn-lint's SageMaker hosting types by region
 */
export function machineRows(collected, hosting) {
  const cpuOfVm = new Map(collected.filter((row) => row.cpu_model).map((row) => [row.vm_type, row.cpu_model]));
  const sagemakerRegions = (name) => Object.keys(hosting).filter((region) => hosting[region].enum?.includes(name));
  return Object.keys(platforms).flatMap((from) =>
    collected
      .filter((row) => row.platform === from && !withdrawn.some((pattern) => pattern.test(row.instance_type)))
      .map((row) => {
        const platform = platforms[from];
        const name = nameOf(row);
        const listed = row.regions_list.replaceAll('(invite)', '').split(' ').filter(Boolean);
        const regions = platform === 'aws-sagemaker' ? sagemakerRegions(name) : listed;
        return {
          platform,
          name,
          vm_type: vmOf(row),
          vcpus: row.vcpu,
          memory_gib: six(row.memory_gib),
          architecture: row.arch,
          cpus: cpusOf(row.cpu_model || (row.vm_type && cpuOfVm.get(row.vm_type)) || '').join(' '),
          accelerator: row.accelerator,
          accelerator_count: row.accelerator ? fraction(row.accelerator_count) : '0',
          quota: quotas[platform](name, row).filter(Boolean).join('; '),
          collected: row,
          regions,
        };
      })
      .filter((row) => row.platform !== 'aws-sagemaker' || row.regions.length > 0),
  );
}
