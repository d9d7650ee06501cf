/** Sizes for people. */

const byteUnits = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** Bytes in powers of 1000: `1.3 MB`. */
export function inBytes(count: number): string {
  const power = Math.min(byteUnits.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  const value = count / 1000 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${byteUnits[power]}`;
}
