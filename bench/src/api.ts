// What the figures ask of the API.
import { randomBytes } from 'node:crypto';
import { buildPackage } from '@mortise/testing';

export interface Target {
  url: string;
  key: string;
}

export async function call<T>(target: Target, method: string, path: string, body?: unknown): Promise<T> {
  const form = body instanceof FormData;
  const answer = await fetch(`${target.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${target.key}`,
      ...(body === undefined || form ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

export const fresh = () => `bench-${randomBytes(5).toString('hex')}`;

export const archive = (
  main: string,
  files: Record<string, string | Buffer> = {},
  limits: { concurrency?: number } = {},
): Buffer =>
  buildPackage({
    manifest: {
      manifestVersion: 1,
      slug: fresh(),
      name: 'bench',
      version: '1.0.0',
      main: 'main.js',
      functions: { run: {} },
      limits,
    },
    files: { 'main.js': main, ...files },
  });

export const upload = (target: Target, bytes: Buffer) => {
  const form = new FormData();
  form.append('file', new Blob([bytes]), 'plugin.zip');
  return call<{ plugin: { id: string } }>(target, 'POST', '/plugins/upload', form);
};

/** Publishes, installs and activates a plugin of one function `run`; gives the installation's id. */
export async function deploy(
  target: Target,
  main = 'export function run(input) { return input }',
  limits: { concurrency?: number } = {},
): Promise<string> {
  const { plugin } = await upload(target, archive(main, {}, limits));
  const { id } = await call<{ id: string }>(target, 'POST', '/installations', {
    plugin: plugin.id,
    grants: 'all',
  });
  await call(target, 'POST', `/installations/${id}/activate`);
  return id;
}
