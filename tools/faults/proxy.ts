import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to the bytes; a proxy changes it at any time. */
export type Weather =
  | { kind: 'clear' }
  /** Nobody listens, and what was open is closed. */
  | { kind: 'gone' }
  /** Everything arrives, so many milliseconds late. */
  | { kind: 'slow'; delayMs: number }
  /** Of every so many-th piece only the first half arrives, then the connection breaks. */
  | { kind: 'halving'; every: number }
  /** Connections stand and nothing passes. */
  | { kind: 'silent' };

/** A TCP proxy between a process and what it talks to. */
export class Proxy {
  private weather: Weather = { kind: 'clear' };
  private readonly pairs = new Set<[Socket, Socket]>();
  private server: Server | undefined;
  private pieces = 0;
  private readonly port: number;
  private readonly behind: number;

  constructor(port: number, behind: number) {
    this.port = port;
    this.behind = behind;
  }

  async set(weather: Weather): Promise<void> {
    const before = this.weather;
    this.weather = weather;
    if (weather.kind === 'gone') return this.close();
    if (!this.server) await this.listen();
    // What was held back is not let through later: a connection that was silent has missed bytes by now.
    if (before.kind === 'silent') this.cut();
  }

  async listen(): Promise<void> {
    this.server = createServer((client) => this.pair(client));
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  async close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    this.cut();
    if (!server) return;
    server.close();
    await once(server, 'close');
  }

  private cut(): void {
    for (const [client, server] of this.pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  private pair(client: Socket): void {
    const server = connect({ port: this.behind, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    const pair: [Socket, Socket] = [client, server];
    this.pairs.add(pair);
    const end = () => {
      this.pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const [from, to] of [pair, [server, client] as const]) {
      from.on('data', (piece: Buffer) => this.pass(piece, from, to, end));
      from.on('error', end);
      from.on('close', end);
    }
  }

  private pass(piece: Buffer, from: Socket, to: Socket, end: () => void): void {
    const { weather } = this;
    switch (weather.kind) {
      case 'clear':
        return write(piece, from, to);
      case 'slow': {
        // Timers of one length fire in their order, and so do the pieces.
        setTimeout(() => write(piece, from, to), weather.delayMs);
        return;
      }
      case 'halving': {
        this.pieces += 1;
        if (this.pieces % weather.every !== 0) return write(piece, from, to);
        // Nothing follows the half: TCP loses the end of a stream, never its middle.
        for (const socket of [from, to]) socket.removeAllListeners('data');
        to.write(piece.subarray(0, piece.length >> 1), end);
        return;
      }
      case 'silent':
      case 'gone':
        return;
    }
  }
}

function write(piece: Buffer, from: Socket, to: Socket): void {
  if (to.destroyed || to.write(piece)) return;
  from.pause();
  to.once('drain', () => from.resume());
}
