import { randomBytes } from 'node:crypto';
import { buildPackage, until } from '@mortise/testing';
import { inject } from 'vitest';
import { mistakes } from './described.js';

export interface Answer {
  status: number;
  headers: Headers;
  body: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- answers are asserted field by field
}

/** Calls the API as one credential does. */
export class Client {
  constructor(
    readonly key: string,
    readonly base = inject('platform').url,
  ) {}

  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const raw = typeof body === 'string' || body instanceof FormData || body instanceof Uint8Array;
    const answer = await fetch(`${this.base}${path.startsWith('/api/') ? '' : '/api/v1'}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body === undefined || body instanceof FormData ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? (body as FormData) : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const json = answer.headers.get('content-type')?.includes('json') && text !== '';
    const parsed: unknown = json ? JSON.parse(text) : text;
    // Every answer of every test is held against what the description of the API promises.
    const wrong = mistakes(method, answer, parsed);
    if (wrong.length > 0) throw new Error(`not as /openapi.json says:\n${wrong.join('\n')}`);
    return { status: answer.status, headers: answer.headers, body: parsed };
  }

  get = (path: string, headers?: Record<string, string>) => this.call('GET', path, undefined, headers);
  post = (path: string, body?: unknown, headers?: Record<string, string>) =>
    this.call('POST', path, body, headers);

  upload(archive: Buffer, path = '/plugins/upload', name = 'plugin.zip'): Promise<Answer> {
    const form = new FormData();
    form.append('file', new Blob([archive]), name);
    return this.post(path, form);
  }

  /** Publishes, installs with everything granted and activates; gives the installation's id. */
  async deploy(
    plugin: PluginSource,
    config?: Record<string, unknown>,
  ): Promise<{ id: string; versionId: string; slug: string; pluginId: string }> {
    const uploaded = await this.upload(archiveOf(plugin));
    if (uploaded.status !== 201) throw new Error(`upload: ${JSON.stringify(uploaded.body)}`);
    const { plugin: published, version } = uploaded.body;
    const installed = await this.post('/installations', {
      plugin: published.id,
      grants: 'all',
      ...(config ? { config } : {}),
    });
    if (installed.status !== 201) throw new Error(`install: ${JSON.stringify(installed.body)}`);
    const activated = await this.post(`/installations/${installed.body.id}/activate`);
    if (activated.status !== 200) throw new Error(`activate: ${JSON.stringify(activated.body)}`);
    return { id: installed.body.id, versionId: version.id, slug: published.slug, pluginId: published.id };
  }

  execute = (id: string, fn: string, input?: unknown) =>
    this.post(`/installations/${id}/execute`, { function: fn, input });

  /** The record once it has ended. */
  async ended(executionId: string): Promise<Answer> {
    let record: Answer | undefined;
    await until(
      async () => {
        record = await this.get(`/executions/${executionId}`);
        return record.status === 200 && !['queued', 'running'].includes(record.body.status);
      },
      `execution ${executionId} ends`,
      20_000,
    );
    return record as Answer;
  }

  /** The code of the record: on a busy machine the executor's own answer comes too late, and the call has NO_ANSWER. */
  async stoppedBy(answer: Answer): Promise<string> {
    return (await this.ended(answer.body.executionId)).body.error.code;
  }
}

export interface PluginSource {
  manifest?: Record<string, unknown>;
  /** Source of the main file. */
  main: string;
  files?: Record<string, string | Uint8Array>;
}

/** A name nothing else in the run uses. */
export const fresh = (prefix = 'p') => `${prefix}-${randomBytes(5).toString('hex')}`;

/** The archive of a plugin whose every export is a function, unless its manifest says otherwise. */
export function archiveOf({ manifest, main, files }: PluginSource): Buffer {
  const names = [...main.matchAll(/export (?:async )?function (\w+)/g)].map(([, name]) => name as string);
  return buildPackage({
    manifest: {
      manifestVersion: 1,
      slug: fresh(),
      name: 'A plugin',
      version: '1.0.0',
      main: 'main.js',
      functions: Object.fromEntries(names.map((name) => [name, {}])),
      ...manifest,
    },
    files: { 'main.js': main, ...files },
  });
}

export const admin = () => new Client(inject('platform').adminKey);

/** A tenant of its own with an admin's key, so that files run in any order and beside each other. */
export async function newTenant(): Promise<Client & { slug: string }> {
  const slug = fresh('t');
  const created = await admin().post('/tenants', { slug, name: slug });
  if (created.status !== 201) throw new Error(`tenant: ${JSON.stringify(created.body)}`);
  const key = await admin().post('/api-keys', { tenant: slug, roles: ['tenant-admin'] });
  if (key.status !== 201) throw new Error(`key: ${JSON.stringify(key.body)}`);
  return Object.assign(new Client(key.body.key), { slug });
}

declare module 'vitest' {
  interface ProvidedContext {
    platform: {
      url: string;
      adminKey: string;
      topology: 'embedded' | 'cluster';
      pids: Record<string, number>;
      /** Takes the traces of the platform: GET {collector}/spans?trace={id}. */
      collector: string;
      /** Embedded only: where the metrics of the process are served. */
      metrics?: string;
      /** What commands of the operator need to reach a cluster. */
      operator?: Record<string, string>;
      /** Embedded only: the folder of the platform, and the one it spools uploads to. */
      dataDir?: string;
      spoolDir?: string;
    };
  }
}
