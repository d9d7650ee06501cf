/** Monitoring, where Prometheus sends alerts that fire: Alertmanagers, which tell people. */

import type { Problem } from '../errors.js';

/** What is wrong with the addresses of Alertmanagers. */
export function alertmanagerProblems(urls: readonly string[]): readonly Problem[] {
  return urls.flatMap((text): readonly Problem[] => {
    const refused = (why: string): readonly Problem[] => [
      { where: 'alertmanager', what: `'${text}' ${why}. Give an address such as http://127.0.0.1:9093` },
    ];
    const url = URL.canParse(text) ? new URL(text) : null;
    if (!url || !['http:', 'https:'].includes(url.protocol)) return refused('is no address of an Alertmanager');
    if (url.username || url.password)
      return refused('has a name or password in it, which would stand in files and logs');
    return url.search || url.hash ? refused("has parts after the path, which Prometheus' own path would follow") : [];
  });
}

/** One of them in Prometheus' configuration. */
export function alertmanagerConfig(url: string): object {
  const { protocol, host, pathname } = new URL(url);
  return {
    scheme: protocol.slice(0, -1),
    ...(pathname !== '/' && { path_prefix: pathname }),
    static_configs: [{ targets: [host] }],
  };
}
