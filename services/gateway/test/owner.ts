import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: Buffer;
}
type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** A real HTTP server in the place of a service that owns routes: keeps what it saw, answers as a test says. */
export class Owner {
  readonly seen: Seen[] = [];
  private answer: Answer = echo;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Owner> {
    const server = createServer();
    const owner = new Owner(server);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void owner.take(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return owner;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get last(): Seen {
    const seen = this.seen.at(-1);
    if (!seen) throw new Error('the owner saw no request');
    return seen;
  }

  /** From now on. The answer reads the body itself; `echo` is what it does by default. */
  answers(answer: Answer = echo): void {
    this.answer = answer;
  }

  keep(request: IncomingMessage, body: Buffer): void {
    const { method = '', url = '', headers } = request;
    this.seen.push({ method, url, headers, body });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.answer !== echo) return this.answer(request, response);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.keep(request, Buffer.concat(chunks));
    echo(request, response);
  }
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json', etag: '"7"' });
  response.end(JSON.stringify({ method: request.method, url: request.url }));
}
