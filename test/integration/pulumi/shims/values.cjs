// Values of the engine's protocol: secrets and unknowns are marked inside plain JSON.
const { createHash } = require('node:crypto');

const mark = '4dabf18193072939515e22adb298388d';
const secret = '1b47061264138c4ac30d75fd1eb44270';
const unknown = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const isSecret = (value) => isObject(value) && value[mark] === secret;

/** Without the marks of secrets, at every depth. */
function plain(value) {
  if (isSecret(value)) return plain(value.value);
  if (Array.isArray(value)) return value.map(plain);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** For a log: no secret is ever written down. */
function redacted(value) {
  if (isSecret(value)) return '[secret]';
  if (value === unknown) return '[unknown]';
  if (Array.isArray(value)) return value.map(redacted);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redacted(inner)]));
}

const hasUnknown = (value) =>
  value === unknown || (value !== null && typeof value === 'object' && Object.values(value).some(hasUnknown));

/** Paths that differ, by kind: `{ 'template.containers[0].image': 'update' }`. */
function differences(one, other, at = '', found = {}) {
  if (one === undefined && other === undefined) return found;
  if (one === undefined) found[at] = 'add';
  else if (other === undefined) found[at] = 'delete';
  else if (Array.isArray(one) && Array.isArray(other)) {
    for (let index = 0; index < Math.max(one.length, other.length); index++) {
      differences(one[index], other[index], `${at}[${index}]`, found);
    }
  } else if (isObject(one) && isObject(other)) {
    for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
      differences(one[key], other[key], at ? `${at}.${key}` : key, found);
    }
  } else if (one !== other) found[at] = 'update';
  return found;
}

/** Stands for whatever a cloud makes up from something: always the same for the same. */
const digest = (text, length = 10) => createHash('sha256').update(text).digest('hex').slice(0, length);

module.exports = { digest, plain, redacted, hasUnknown, differences };
