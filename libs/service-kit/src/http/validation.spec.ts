import { GrantRequest, InstallBody, InstallationListQuery, UninstallQuery } from '@mortise/contracts';
import { describe, expect, it } from 'vitest';
import type { AppError } from '../app-error.js';
import { toChecked, ValidationPipe } from './validation.js';

/** The pointers of what a body is refused for. */
const refused = (run: () => unknown): string[] => {
  try {
    run();
  } catch (error) {
    return (error as AppError).errors?.map(({ pointer }) => pointer) ?? [];
  }
  throw new Error('it was taken');
};

describe('a checked body', () => {
  it('keeps free-form JSON as it is, whatever its keys are called', () => {
    const config = { constructor: 1, hasOwnProperty: {}, deep: { constructor: { prototype: [] } } };

    const body = toChecked(InstallBody, { plugin: 'p', config });

    expect(body).toBeInstanceOf(InstallBody);
    expect(body.config).toBe(config);
  });

  it('has the nested objects of their classes', () => {
    const body = toChecked(InstallBody, { plugin: 'p', grants: [{ permission: 'orders:read' }] });

    expect(body.grants?.[0]).toBeInstanceOf(GrantRequest);
    expect(refused(() => toChecked(InstallBody, { plugin: 'p', grants: [{ permission: 1 }] }))).toContain(
      '/grants/0/permission',
    );
  });

  it.each([
    ['a property nobody knows', { plugin: 'p', surprise: 1 }, '/surprise'],
    ['a property named constructor', { plugin: 'p', constructor: 1 }, '/constructor'],
    ['a list', [], ''],
    ['text', 'p', ''],
  ])('refuses %s', (_what, body, pointer) => {
    expect(refused(() => toChecked(InstallBody, body))).toEqual([pointer]);
  });
});

describe('the pipe', () => {
  const pipe = new ValidationPipe();

  it('reads the text of a query as what its class says', () => {
    const query = (metatype: new () => object, value: object) =>
      pipe.transform(value, { type: 'query', metatype });

    expect(query(InstallationListQuery, { limit: '20' })).toMatchObject({ limit: 20 });
    expect(query(UninstallQuery, { keepData: 'false' })).toMatchObject({ keepData: false });
    expect(refused(() => query(InstallationListQuery, { limit: 'many' }))).toContain('/limit');
    expect(refused(() => query(UninstallQuery, { constructor: 'x' }))).toEqual(['/constructor']);
  });

  it('takes a missing body for an empty one and leaves plain parameters alone', () => {
    expect(refused(() => pipe.transform(undefined, { type: 'body', metatype: InstallBody }))).toContain(
      '/plugin',
    );
    expect(pipe.transform('7', { type: 'param', metatype: String })).toBe('7');
    expect(pipe.transform(undefined, { type: 'custom', metatype: InstallBody })).toBeUndefined();
  });
});
