/** The page: a command that asks the endpoint. */

import { byId, say } from '../element.js';
import { shellQuoted } from '../format.js';
import type { PagePlan } from '../shape.js';

/** A body up to this length stands in the command itself; a longer one is fetched from this page. */
const INLINE = 600;

/** A command that works when pasted. */
export function showCommand(plan: PagePlan, sample: object): void {
  const body = JSON.stringify(sample);
  const json = "-H 'Content-Type: application/json'";
  const command =
    body.length <= INLINE
      ? `curl -s ${shellQuoted(plan.infer)} ${json} -d ${shellQuoted(body)}`
      : `curl -s ${shellQuoted(`${location.origin}/sample.json`)} | curl -s ${shellQuoted(plan.infer)} ${json} --data-binary @-`;
  say(byId('command'), command);
  const button = byId('copy');
  button.addEventListener('click', () => {
    navigator.clipboard.writeText(command).then(
      () => say(button, 'Copied'),
      () => say(button, 'Select it and copy by hand'),
    );
  });
}
