import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { GrantState, InstallationStateData, Limits } from '@mortise/contracts';
import { buildConnector } from 'undici';
import { bench, type Bench } from '../src/bench.contract.js';
import { AddressPolicy } from '../src/http/addresses.js';
import { Egress, pinnedConnector, type Connector } from '../src/http/egress.js';
import type { Address } from '../src/http/names.js';
import type { HttpResponse } from '../src/http/wire.js';

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
const cert = fixture('cert.pem');

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on loopback that stands for the whole internet, its name servers, and executions that talk to it. */
export class Scene {
  /** What a name's look-ups answer, one after the other; the last one stays. Others are at a public address. */
  readonly dns = new Map<string, string[][]>();
  readonly lookups: string[] = [];
  /** `address:port` that connections were made to, in the order they were. */
  readonly connections: string[] = [];
  handler: Handler = (_request, response) => response.end('ok');
  private readonly plain = createServer((...exchange) => this.handler(...exchange));
  private readonly tls = createTlsServer({ cert, key: fixture('key.pem') }, (...exchange) =>
    this.handler(...exchange),
  );
  private readonly opened: Egress[] = [];

  static async start(): Promise<Scene> {
    const scene = new Scene();
    for (const server of [scene.plain, scene.tls]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    }
    return scene;
  }

  async close(): Promise<void> {
    await Promise.all(this.opened.map((egress) => egress.close()));
    for (const server of [this.plain, this.tls]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  get plainPort(): number {
    return portOf(this.plain);
  }

  get tlsPort(): number {
    return portOf(this.tls);
  }

  /** The egress as it is, with our name servers; public addresses are all played by the server on loopback. */
  egress(
    open: string[] = [],
    { isPinned = false, requestsPerMinute = 10_000, namesWait = Promise.resolve() } = {},
  ): Egress {
    const egress = new Egress({
      names: { resolve: (host) => namesWait.then(() => this.resolve(host)) },
      addresses: new AddressPolicy(open),
      requestsPerMinute,
      connector: isPinned ? pinnedConnector : this.connector,
    });
    this.opened.push(egress);
    return egress;
  }

  /** An execution that may send requests to `allow`. */
  execution(
    allow: string[],
    over: Partial<InstallationStateData> & { grant?: GrantState['selector']; limits?: Partial<Limits> } = {},
    egress = this.egress(),
  ): Bench {
    const { grant, limits, ...installation } = over;
    const state = {
      requested: ['http:request'],
      grants: [{ permission: 'http:request', ...(grant && { selector: grant }) }],
      network: { allow, configured: [] },
      ...installation,
    };
    return bench(state, { networkRequests: 1_000, ...limits }, { egress });
  }

  private resolve(host: string): Address[] {
    this.lookups.push(host);
    const answers = this.dns.get(host) ?? [['93.184.215.14']];
    const now = answers.length > 1 ? answers.shift() : answers[0];
    return (now ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  }

  private readonly connector: Connector = (pinned) => {
    const connect = buildConnector({ ca: cert, rejectUnauthorized: true, allowH2: false });
    return (options, done) => {
      this.connections.push(`${pinned()[0]?.address}:${options.port || (isTls(options) ? 443 : 80)}`);
      const port = String(portOf(isTls(options) ? this.tls : this.plain));
      const servername = isTls(options) ? { servername: options.hostname } : {};
      connect({ ...options, ...servername, hostname: '127.0.0.1', port }, done);
    };
  };
}

let lastId = 0;

/** Sends one request and gives what fetch would be given. */
export const request = (
  execution: Bench,
  url: string,
  over: Record<string, unknown> = {},
): Promise<HttpResponse> =>
  execution.call('http.request', { id: ++lastId, url, ...over }) as Promise<HttpResponse>;

const isTls = (options: buildConnector.Options) => options.protocol === 'https:';
const portOf = (server: Server) => (server.address() as AddressInfo).port;
