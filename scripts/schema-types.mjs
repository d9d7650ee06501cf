// Writes lib/contract/*.ts from the JSON Schemas that TypeScript and Python share.
import { readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFromFile } from 'json-schema-to-typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const schemas = join(root, 'container', 'schema');
const target = process.argv[2] ?? join(root, 'lib', 'contract');

for (const file of readdirSync(schemas).filter((name) => name.endsWith('.schema.json'))) {
  const name = file.replace('.schema.json', '');
  const types = await compileFromFile(join(schemas, file), {
    bannerComment: `/** Made from container/schema/${file} by \`npm run schema\`; change it there. */`,
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    style: { singleQuote: true, printWidth: 120 },
  });
  writeFileSync(join(target, `${name}.ts`), types);
}
