// Prices of every machine by region: from the collected tables to `prices.csv`.
import { grouped, six } from './table.mjs';

/** SageMaker over EC2; both rest on pairs of first-hand prices, see `data/README.md`. */
function sagemakerFactor(vmType) {
  const family = vmType.split('.')[0];
  if (/^(p4|p5|p6)/.test(family)) return 1.15;
  if (/^g\d/.test(family)) return vmType.endsWith('.xlarge') ? 1.4 : 1.25;
  if (family === 'inf2') return vmType === 'inf2.xlarge' ? 1.31 : 1.2;
  if (/^trn/.test(family)) return 1.3254;
  if (family === 'inf1') return vmType === 'inf1.xlarge' ? 1.3 : 1.2;
  return 1.2;
}

const vertexFactor = 1.15;

const price = (usd, regions, kind, source) => ({ usd: six(usd), regions, kind, source });

function sagemaker(row) {
  const { price_kind: kind, price_usd_h: usd, vm_price_usd_h: ec2, vm_type: vm } = row.collected;
  if (kind.startsWith('first-hand (older)')) return [price(usd, ['us-east-1'], 'first-hand', 'fmbench')];
  if (kind.startsWith('first-hand')) {
    const regions = kind.includes('us-west-2') ? ['us-east-1', 'us-west-2'] : ['us-east-1'];
    return [price(usd, regions, 'first-hand', 'aws-price-list')];
  }
  if (!ec2) return [];
  const factor = sagemakerFactor(vm);
  return [price(Number(ec2) * factor, ['us-east-1'], `derived: EC2 x ${factor.toFixed(2)}`, 'karpenter-aws')];
}

const onlyByReservation = /^a3-highgpu-[124]g$/;

const byPlatform = {
  'aws-sagemaker': sagemaker,
  'azure-ml': (row, vmPrices) =>
    vmPrices(row.vm_type).map(([region, usd]) => price(usd, [region], 'first-hand', 'karpenter-azure')),
  'azure-container-apps': (row, vmPrices) =>
    vmPrices(row.vm_type).map(([region, usd]) =>
      price(usd, [region], 'proxy: price of the Azure VM', 'karpenter-azure'),
    ),
  'gcp-cloud-run': ({ collected }) =>
    collected.price_usd_h
      ? [price(collected.price_usd_h, ['us-central1'], 'second-hand: list rates a second', 'cloud-run-rates')]
      : [],
  'gcp-vertex': (row, vmPrices) => {
    const { vm_price_usd_h: usd, accelerator } = row.collected;
    const kind = `derived: GCE x ${vertexFactor}`;
    if (onlyByReservation.test(row.name)) return [];
    if (accelerator === 't4')
      return [price(Number(usd) * vertexFactor, ['us-central1'], `${kind}, T4 second-hand`, 'gcp-t4')];
    return vmPrices(row.vm_type).map(([region, vm]) =>
      price(Number(vm) * vertexFactor, [region], kind, 'karpenter-gcp'),
    );
  },
};

/**
 * Where each machine is offered and what an hour of it costs there; null where the price is not known.
 *
 * @param machines - what `machineRows` gave
 * @param collected - rows of `prices_by_region.csv`
 */
export function offers(machines, collected) {
  const byVm = grouped(
    collected.filter((row) => row.vm_on_demand_usd_h),
    (row) => row.vm_type,
  );
  const vmPrices = (vmType) => (byVm.get(vmType) ?? []).map((row) => [row.region, row.vm_on_demand_usd_h]);
  const offer = (machine) => {
    const everyRegionListed = machine.regions.length > 0;
    const entries = byPlatform[machine.platform](machine, vmPrices).flatMap((entry) =>
      entry.regions
        .filter((region) => !everyRegionListed || machine.regions.includes(region))
        .map((region) => ({ ...entry, region })),
    );
    const usd = new Map(entries.map((entry) => [entry.region, Number(entry.usd)]));
    const regions = [...new Set([...machine.regions, ...usd.keys()])].toSorted();
    return {
      kind: entries[0]?.kind ?? null,
      source: entries[0]?.source ?? null,
      everyRegionListed,
      usdPerHour: Object.fromEntries(regions.map((region) => [region, usd.get(region) ?? null])),
    };
  };
  const platforms = grouped(machines, (machine) => machine.platform);
  return [...platforms].map(([platform, rows]) => [platform, rows.map((row) => [row.name, offer(row)])]);
}
