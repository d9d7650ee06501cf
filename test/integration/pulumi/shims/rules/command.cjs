// Pulumi's package for commands, which needs no stand-in: this really runs them.
const { spawnSync } = require('node:child_process');
const { digest } = require('../values.cjs');

function run({ create, environment = {}, stdin, dir }) {
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', create], {
    cwd: dir,
    env: { ...process.env, ...environment },
    input: stdin,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`exit status ${status}: ${stderr}`);
  return { stdout: stdout.replace(/\n$/, ''), stderr: stderr.replace(/\n$/, '') };
}

const types = {
  'command:local:Command': {
    replaceOn: ['triggers'],
    id: (inputs) => `command${digest(JSON.stringify(inputs))}`,
    outputs: run,
  },
};

module.exports = { types };
