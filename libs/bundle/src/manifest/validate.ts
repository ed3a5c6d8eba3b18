import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { manifestSchema, webhookSchema, type Manifest } from '@mortise/contracts';
import { mismatches, type Mismatch } from './schema-errors.js';

const ajv = new Ajv2020({ allErrors: true, verbose: true, useDefaults: true, strict: false });
addFormats.default(ajv);
const manifest = ajv.compile(manifestSchema);
const webhook = ajv.compile(webhookSchema);

/** Checks a parsed manifest against the schema and fills in its defaults, in place. */
export const checkManifestShape = (value: unknown): Shape<Manifest> => check<Manifest>(manifest, value);
/** Checks a parsed webhook file against its schema. */
export const checkWebhookShape = (value: unknown): Shape<WebhookFile> => check<WebhookFile>(webhook, value);

type Shape<T> = { ok: true; value: T } | { ok: false; mismatches: Mismatch[] };

/** The parts of a webhook file that rules look at. */
export interface WebhookFile {
  delivery: {
    url: string;
    headers?: Record<string, string>;
    signing?: { secret: string; previous_secret?: string };
  };
  transform?: { language?: 'javascript' | 'typescript' | 'python'; entry: string };
}

function check<T>(validate: ValidateFunction, value: unknown): Shape<T> {
  if (validate(value)) return { ok: true, value: value as T };
  return { ok: false, mismatches: mismatches(validate.errors ?? []) };
}
