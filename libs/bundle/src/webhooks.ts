import type { FieldError } from '@mortise/contracts';
import { readDocument } from './manifest/document.js';
import { checkWebhookShape, type WebhookFile } from './manifest/validate.js';
import type { Facts, Finding } from './rules/rule.js';

/** Webhook files are parsed as strictly as the manifest and held to their own schema. */
export function checkWebhooks(facts: Facts, contents: ReadonlyMap<string, Buffer>): FieldError[] {
  return (facts.manifest.webhooks ?? []).flatMap((path) => {
    const bytes = contents.get(path);
    return bytes ? checkWebhook(path, bytes, facts) : [];
  });
}

function checkWebhook(path: string, bytes: Buffer, facts: Facts): FieldError[] {
  const read = readDocument(path, bytes);
  if (!read.ok) return read.errors;
  const { document } = read;
  const shape = checkWebhookShape(document.value);
  if (!shape.ok)
    return shape.mismatches.map(({ pointer, message, rule }) => document.error(pointer, message, rule));
  return [...findings(shape.value, facts)].map(({ pointer, message, rule }) =>
    document.error(pointer, message, rule),
  );
}

function* findings(
  { delivery, transform }: WebhookFile,
  { manifest, files }: Facts,
): Generator<Finding & { rule: string }> {
  const secrets = new Set((manifest.secrets ?? []).map(({ key }) => key));
  const texts = new Map([
    ['/delivery/url', delivery.url],
    ['/delivery/signing/secret', delivery.signing?.secret],
    ['/delivery/signing/previous_secret', delivery.signing?.previous_secret],
    ...Object.entries(delivery.headers ?? {}).map(
      ([name, value]) => [`/delivery/headers/${name}`, value] as const,
    ),
  ]);
  for (const [pointer, text] of texts) {
    for (const [, key = ''] of (text ?? '').matchAll(/\$\{SECRET:([^}]*)\}/g)) {
      if (!secrets.has(key))
        yield { pointer, rule: 'secret-declared', message: `no secret "${key}" is declared in the manifest` };
    }
  }
  if (transform?.language === 'python') {
    yield {
      pointer: '/transform/language',
      rule: 'webhook-transform',
      message: 'transforms are written in JavaScript',
    };
  }
  const entry = transform?.entry.replace(/#.*$/, '');
  if (entry !== undefined && !files.has(entry)) {
    yield { pointer: '/transform/entry', rule: 'file-exists', message: `the package has no file "${entry}"` };
  }
}
