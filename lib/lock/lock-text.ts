/** How a lock is written: stable, and so that a change of one figure is a change of one line. */

const widest = 110;

/** JSON with two spaces a level; what fits on a line stands on one, lists of plain values fill lines. Keys keep their order. */
export function lockText(value: unknown): string {
  return `${formatted(value, '')}\n`;
}

function formatted(value: unknown, indent: string): string {
  const line = oneLine(value);
  if (value === null || typeof value !== 'object' || indent.length + line.length <= widest) return line;
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const entries = Array.isArray(value)
    ? listed(value, inner)
    : Object.entries(value).map(([key, entry]) => `${JSON.stringify(key)}: ${formatted(entry, inner)}`);
  return `${open}\n${entries.map((entry) => inner + entry).join(',\n')}\n${indent}${close}`;
}

/** The lines of a list: plain values as many as fit, others one by one. */
function listed(values: readonly unknown[], indent: string): string[] {
  if (values.some((value) => value !== null && typeof value === 'object')) {
    return values.map((value) => formatted(value, indent));
  }
  const lines: string[] = [];
  for (const text of values.map(oneLine)) {
    const longer = lines.length === 0 ? text : `${lines.at(-1)}, ${text}`;
    if (lines.length > 0 && indent.length + longer.length <= widest) lines[lines.length - 1] = longer;
    else lines.push(text);
  }
  return lines;
}

function oneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, entry]) => `${JSON.stringify(key)}: ${oneLine(entry)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}
