import { expect, test } from 'vitest';
import { kustoFaults, kustoStrings } from './kusto.js';

const table = 'AmlOnlineEndpointTrafficLog';

/** What the check of every query relies on: it does find what is wrong. */
test.each([
  [`${table} | where Nope == 1`, "The name 'Nope' does not refer to any known column, table, variable or function."],
  ['SomeTable | count', "The name 'SomeTable' does not refer to any known table, tabular variable or function."],
  [`${table} | where EndpointName == "a`, 'Missing: "'],
  [`${table} | summarize x = countif(ResponseCode)`, 'A value of type bool expected.'],
])('%s is at fault', (query, fault) => {
  expect(kustoFaults(query).join()).toContain(fault);
});

test('what is right has no fault, and its strings can be read', () => {
  const query = `${table} | where EndpointName =~ "a\\"b" and TimeGenerated > ago(1h)`;
  expect(kustoFaults(query)).toEqual([]);
  expect(kustoStrings(query)).toEqual(['a"b']);
});
