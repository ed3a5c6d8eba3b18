import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** TCP connections that can lose everything without closing, as when a machine is gone. */
export class Wire {
  private constructor(
    private readonly server: Server,
    private readonly sockets: Socket[],
    readonly url: string,
  ) {}

  static async to(url: string): Promise<Wire> {
    const target = new URL(url);
    const sockets: Socket[] = [];
    const server = createServer((client) => {
      const upstream = connect(Number(target.port), target.hostname);
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.push(from);
        from.on('error', () => {});
        from.on('data', (data) => to.write(data));
        from.on('close', () => to.destroy());
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const through = new URL(url);
    through.port = String((server.address() as AddressInfo).port);
    through.hostname = '127.0.0.1';
    return new Wire(server, sockets, through.href);
  }

  swallow(): void {
    for (const socket of this.sockets) {
      socket.removeAllListeners('data').removeAllListeners('close');
      socket.resume();
    }
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}
