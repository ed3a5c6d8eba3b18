import { createSocket } from 'node:dgram';

const typeA = 1;

/** A DNS server on loopback that knows IPv4 addresses of a few names. */
export class NameServer {
  readonly names = new Map<string, string>();
  readonly asked: string[] = [];
  private readonly socket = createSocket('udp4');

  static async start(): Promise<NameServer> {
    const server = new NameServer();
    const { socket } = server;
    socket.on('message', (query, from) => socket.send(server.answer(query), from.port, from.address));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return server;
  }

  /** For EXECUTOR_EGRESS_DNS. */
  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  close(): void {
    this.socket.close();
  }

  /** RFC 1035, section 4: the question again, and behind it the address. */
  private answer(query: Buffer): Buffer {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const name = labels.join('.').toLowerCase();
    const address = query.readUInt16BE(at + 1) === typeA ? this.names.get(name) : undefined;
    this.asked.push(name);
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(address === undefined && !this.names.has(name) ? 0x8183 : 0x8180, 2);
    header.writeUInt16BE(address === undefined ? 0 : 1, 6);
    header.writeUInt32BE(0, 8);
    const question = query.subarray(12, at + 5);
    if (address === undefined) return Buffer.concat([header, question]);
    const record = Buffer.from([
      0xc0,
      12,
      0,
      typeA,
      0,
      1,
      0,
      0,
      0,
      1,
      0,
      4,
      ...address.split('.').map(Number),
    ]);
    return Buffer.concat([header, question, record]);
  }
}
