/** Who is told of alerts: names of the cloud's own, and addresses. */

import type * as pulumi from '@pulumi/pulumi';
import { type Problem, problemsOf } from '../../lib/errors.js';

/** What each cloud tells. */
const kinds = {
  gcp: {
    what: 'a notification channel',
    name: /^projects\/[^/]+\/notificationChannels\/[^/]+$/,
    example: 'projects/shop/notificationChannels/123',
  },
  azure: {
    what: 'an action group',
    name: /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/microsoft\.insights\/actionGroups\/[^/]+$/i,
    example: '/subscriptions/ID/resourceGroups/shop/providers/Microsoft.Insights/actionGroups/ml',
  },
} as const;

/** What is wrong with those whose names are known before anything is made. */
export const notifyProblems = (
  cloud: keyof typeof kinds,
  notify: readonly pulumi.Input<string>[] = [],
  emails: readonly string[] = [],
): Problem[] => {
  const { what, name, example } = kinds[cloud];
  return [
    ...notify.flatMap((each, index) =>
      problemsOf([
        [
          typeof each === 'string' && !name.test(each),
          `notify[${index}]`,
          `'${each}' is no full name of ${what}. Give one such as ${example}`,
        ],
      ]),
    ),
    ...emails.flatMap((each, index) =>
      problemsOf([
        [
          !/^[^\s@]+@[^\s@]+$/.test(each),
          `emails[${index}]`,
          `'${each}' is no address. Give one such as ml@example.com`,
        ],
      ]),
    ),
  ];
};
