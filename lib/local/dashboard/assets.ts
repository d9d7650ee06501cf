/** The dashboard page's server: the files of the page. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { SlipwayError } from '../../errors.js';
import { packageFile } from '../../package-root.js';

export interface Asset {
  readonly type: string;
  readonly body: string | Buffer;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

export const jsonAsset = (value: unknown): Asset => ({ type: 'application/json', body: JSON.stringify(value) });

/**
 * What the compiler made of `page/`, by path: beside this folder in dist, and in dist too when this runs from the sources.
 *
 * @throws SlipwayError when the page is not built
 */
export function pageFiles(): ReadonlyMap<string, Asset> {
  const folder = __dirname.startsWith(packageFile('dist'))
    ? join(dirname(__dirname), 'page')
    : packageFile('dist', 'lib', 'local', 'page');
  const uplot = dirname(require.resolve('uplot'));
  try {
    const own = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => extname(name) in types);
    const files = [
      ...own.map((name) => [name === 'index.html' ? '/' : `/${name}`, join(folder, name)] as const),
      ['/uplot/uPlot.esm.js', join(uplot, 'uPlot.esm.js')] as const,
      ['/uplot/uPlot.min.css', join(uplot, 'uPlot.min.css')] as const,
    ];
    return new Map(files.map(([path, file]) => [path, { type: types[extname(file)]!, body: readFileSync(file) }]));
  } catch (error) {
    throw new SlipwayError(`The dashboard page is not built (${(error as Error).message}). Run: npm run build`);
  }
}
