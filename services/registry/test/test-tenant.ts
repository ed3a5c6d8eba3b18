import type { InstallationDto, Manifest, Principal, Problem, UploadDto } from '@mortise/contracts';
import { buildPackage } from '@mortise/testing';

/** What there is in a body when it is a problem. */
type Refusal = Partial<Pick<Problem, 'code' | 'detail' | 'details' | 'errors'>>;

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T & Refusal;
}

export interface UploadOptions {
  fields?: Record<string, string>;
  headers?: Record<string, string>;
  /** Name of the form's file field. */
  name?: string;
}

let made = 0;

/** Bytes of a package that is right; each has a slug of its own unless it is given one. */
export const packageOf = (manifest: Partial<Manifest> = {}, code = 'export const greet = () => 1;'): Buffer =>
  buildPackage({
    manifest: {
      manifestVersion: 1,
      slug: `plugin-${process.pid}-${++made}`,
      name: 'A plugin',
      version: '1.0.0',
      runtime: 'js',
      main: 'main.js',
      functions: { greet: {} },
      ...manifest,
    },
    files: { 'main.js': code },
  });

/** Somebody with rights in one tenant, who calls the registry as the gateway would on his behalf. */
export class TestTenant {
  constructor(
    private readonly url: () => string,
    readonly principal: Principal,
    private readonly signed: () => Record<string, string>,
  ) {}

  get id(): string {
    return this.principal.tenantId;
  }

  async call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const answer = await fetch(`${this.url()}/api/v1${path}`, {
      method,
      headers: { ...this.signed(), ...json, ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return read(answer);
  }

  get = <T = Record<string, unknown>>(path: string): Promise<Answer<T>> => this.call<T>('GET', path);

  post = <T = Record<string, unknown>>(path: string, body?: unknown): Promise<Answer<T>> =>
    this.call<T>('POST', path, body);

  /** Sends bytes as a form, as they are. */
  async form(form: FormData, headers: Record<string, string> = {}): Promise<Answer<UploadDto>> {
    const answer = await fetch(`${this.url()}/api/v1/plugins/upload`, {
      method: 'POST',
      headers: { ...this.signed(), ...headers },
      body: form,
    });
    return read(answer);
  }

  upload(bytes: Buffer, o: UploadOptions = {}): Promise<Answer<UploadDto>> {
    const form = new FormData();
    for (const [name, value] of Object.entries(o.fields ?? {})) form.set(name, value);
    form.set(o.name ?? 'file', new Blob([new Uint8Array(bytes)]), 'plugin.zip');
    return this.form(form, o.headers);
  }

  /** Headers and address for requests that a test writes by hand. */
  raw(): { url: URL; headers: Record<string, string> } {
    return { url: new URL(this.url()), headers: this.signed() };
  }

  /** Publishes a package of the manifest. @returns the plugin's id and its version */
  async publish(manifest: Partial<Manifest> = {}): Promise<UploadDto> {
    const { status, body } = await this.upload(packageOf(manifest));
    if (status !== 201) throw new Error(`upload: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  /** Publishes and installs. */
  async install(manifest: Partial<Manifest> = {}, body: object = {}): Promise<InstallationDto> {
    const { plugin } = await this.publish(manifest);
    const answer = await this.post<InstallationDto>('/installations', { plugin: plugin.id, ...body });
    if (answer.status !== 201) throw new Error(`install: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}

async function read<T>(answer: Response): Promise<Answer<T>> {
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: answer.status,
    headers: answer.headers,
    body: (isJson ? JSON.parse(text) : {}) as T & Refusal,
  };
}

/** Status and code: what a refusal is recognised by. */
export const coded = ({ status, body }: Answer<object>): [number, string | undefined] => [
  status,
  (body as Refusal).code,
];
