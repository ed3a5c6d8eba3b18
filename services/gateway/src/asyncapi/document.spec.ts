import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import specs from '@asyncapi/specs';
import { Ajv, type AnySchema } from 'ajv';
import addFormats from 'ajv-formats';
import { eventCatalogue } from '@mortise/contracts';
import { describe, expect, it } from 'vitest';
import { asyncApiDocument } from './document.js';

const document = asyncApiDocument();
const samples = join(import.meta.dirname, '../../../../libs/contracts/samples');

const at = (pointer: string): unknown =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], document);

describe('the AsyncAPI document', () => {
  it('is valid by the schema of AsyncAPI 3', () => {
    // The schema of AsyncAPI brings the one of JSON Schema along.
    const ajv = new Ajv({ meta: false, validateSchema: false, strict: false, validateFormats: false });
    const isValid = ajv.compile(specs.schemas['3.0.0'] as AnySchema);

    void isValid(document);

    expect(isValid.errors ?? []).toEqual([]);
  });

  it('resolves every reference it makes', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]*)"/g)].map(
      ([, pointer = '']) => pointer,
    );

    expect(refs.length).toBeGreaterThan(100);
    expect(refs.filter((pointer) => at(pointer) === undefined)).toEqual([]);
  });

  it('has each event of the catalogue as a message of its topic', () => {
    const described = Object.entries(document.channels).flatMap(([topic, { messages }]) =>
      Object.keys(messages).map((type) => `${topic} ${type}`),
    );

    for (const { topic, type } of Object.values(eventCatalogue))
      expect(described).toContain(`${topic} ${type}`);
  });

  it.each(readdirSync(samples))('describes the headers and the payload of %s', (file) => {
    const { headers, value } = JSON.parse(readFileSync(join(samples, file), 'utf8')) as {
      headers: Record<string, string>;
      value: object;
    };
    const ajv = addFormats.default(new Ajv({ strict: false, allErrors: true }));
    ajv.addSchema({ $id: 'doc', ...document });
    const check = (path: string, data: unknown) => {
      const isValid = ajv.compile({ $ref: `doc#/components/messages/${headers['ce_type']}/${path}` });
      void isValid(data);
      return isValid.errors ?? [];
    };

    expect(check('headers', headers)).toEqual([]);
    expect(check('payload', value)).toEqual([]);
  });
});
