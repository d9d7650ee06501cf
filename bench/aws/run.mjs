// What an endpoint adds to a stack's synthesis, and what importing the constructs adds to a program: whole processes, in turn.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { python, root } from '../../scripts/python.mjs';
import { median } from '../median.mjs';
import { writeResult } from '../result.mjs';

const pairs = 11;
const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-aws-'));

/** One layer of 5000 x 5000 weights: 100 MB. */
const large = `
import sys, numpy as np, onnx
from onnx import TensorProto, helper, numpy_helper
weights = numpy_helper.from_array(np.random.default_rng(0).standard_normal((5000, 5000), np.float32), "w")
row = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 5000])
graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "large", [row("x")], [row("y")], [weights])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), sys.argv[1])
`;

function seconds(args, env = {}) {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return (performance.now() - started) / 1000;
}

/** Both in turn, once unseen; the median of the differences of pairs. */
function compared(what, goal, withIt, without) {
  const rounds = Array.from({ length: pairs + 1 }, () => [withIt(), without()]).slice(1);
  return {
    what,
    goal,
    with: median(rounds.map(([one]) => one)),
    without: median(rounds.map(([, other]) => other)),
    added: median(rounds.map(([one, other]) => one - other)),
  };
}

try {
  const model = join(folder, 'large.onnx');
  const { python: command, env } = await python('dev');
  const made = spawnSync(command, ['-c', large, model], { env, stdio: 'inherit' });
  if (made.status !== 0) throw new Error('the model was not made');
  const app = join('bench', 'aws', 'app.cjs');
  let count = 0;
  const synth = (more) => {
    const out = join(folder, `cdk.out-${count++}`);
    const took = seconds([app], { OUT: out, ...more });
    rmSync(out, { recursive: true, force: true });
    return took;
  };
  const cdk = "require('aws-cdk-lib')";
  const load = (code) => seconds(['-e', code]);
  const megabytes = Math.round(statSync(model).size / 1e6);
  const resources = join(folder, 'resources.json');
  seconds([app], { OUT: join(folder, 'whole'), MODEL: model });
  const template = JSON.parse(readFileSync(join(folder, 'whole', 'Shop.template.json'), 'utf8'));
  const ofEndpoint = Object.entries(template.Resources).filter(([id]) => id.startsWith('Model'));
  writeFileSync(resources, JSON.stringify({ Resources: Object.fromEntries(ofEndpoint) }));
  const bare = () => synth({});
  const rows = [
    compared(
      `synthesis of a stack with one endpoint, model of ${megabytes} MB`,
      0.5,
      () => synth({ MODEL: model }),
      bare,
    ),
    compared('the same resources without Slipway', null, () => synth({ RESOURCES: resources }), bare),
    compared(
      "require('slipway/aws') beside aws-cdk-lib",
      0.15,
      () => load(`${cdk};require('slipway/aws')`),
      () => load(cdk),
    ),
  ];
  writeResult('aws', {
    title: 'What the AWS constructs add',
    command: 'npm run bench aws',
    note: `Seconds of whole processes, medians of ${pairs} pairs in turn. The image of the endpoint is laid out, fingerprinted and staged; nothing is built. The CDK validates every template: the second row is what it takes for these resources.`,
    rows,
    columns: ['what', 'with', 'without', 'added', 'goal'],
    cells: (row) => [
      row.what,
      row.with.toFixed(3),
      row.without.toFixed(3),
      row.added.toFixed(3),
      row.goal === null ? '' : `≤ ${row.goal} s`,
    ],
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
