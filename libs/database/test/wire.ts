import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** How PostgreSQL says that it is ready for the next query, outside of a transaction. */
const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
/** What a backend says when its postmaster was killed. */
const farewell = (() => {
  const fields = Buffer.from('SFATAL\0C57P02\0Mterminating connection due to unexpected postmaster exit\0\0');
  const head = Buffer.from('E....');
  head.writeUInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
})();

/** TCP connections that can lose everything without closing, as when a machine is gone. */
export class Wire {
  /** Ends connections in the packet in which they say that they are ready. */
  endsWhenReady = false;

  private constructor(
    private readonly server: Server,
    private readonly sockets: Socket[],
    readonly url: string,
  ) {}

  static async to(url: string): Promise<Wire> {
    const target = new URL(url);
    const sockets: Socket[] = [];
    const told = (data: Buffer) =>
      wire.endsWhenReady && data.subarray(-ready.length).equals(ready)
        ? Buffer.concat([data, farewell])
        : data;
    const server = createServer((client) => {
      const upstream = connect(Number(target.port), target.hostname);
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.push(from);
        from.on('error', () => {});
        from.on('data', (data: Buffer) => to.write(from === upstream ? told(data) : data));
        from.on('close', () => to.destroy());
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const through = new URL(url);
    through.port = String((server.address() as AddressInfo).port);
    through.hostname = '127.0.0.1';
    const wire: Wire = new Wire(server, sockets, through.href);
    return wire;
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
