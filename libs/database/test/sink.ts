import type { BusRecord, Received } from '@mortise/bus';
import type { RelayBus } from '../src/outbox/relay.js';

/** The bus as the relay sees it: says what it was given, in order; a test decides when it has taken it. */
export class Sink implements RelayBus {
  readonly sent: BusRecord[] = [];
  readonly redelivered: { group: string; record: Received }[] = [];
  /** Called before a send resolves; throw to refuse. */
  onSend: (records: BusRecord[]) => Promise<void> | void = () => {};
  onRedeliver: (record: Received) => Promise<void> | void = () => {};

  async send(records: BusRecord[]): Promise<void> {
    await this.onSend(records);
    this.sent.push(...records);
  }

  async redeliver(group: string, record: Received): Promise<void> {
    this.redelivered.push({ group, record });
    await this.onRedeliver(record);
  }

  /** Values sent, as text. */
  get values(): string[] {
    return this.sent.map(({ value }) => String(value));
  }
}

/** A record of the topic most used, with text as value. */
export const recordOf = (
  key: string | null,
  value: string,
  topic: BusRecord['topic'] = 'plugin-events',
): BusRecord => ({
  topic,
  key,
  value: Buffer.from(value),
  headers: { 'content-type': 'text/plain' },
});
