import type { OutboxRow } from './rows.js';

/** Rows of one (topic, key), in order; a row that keeps no order has a lane of its own. */
interface Lane {
  topic: string;
  key: string | null;
  waiting: OutboxRow[];
  sending: OutboxRow[];
}

const sendAtOnce = 64;
const fullLane = 128;
const fullTopicRows = 6_000;
const fullTopicBytes = 32_000_000;

const nameOf = (row: OutboxRow) =>
  row.key === null || row.dueAt !== null ? `#${row.id}` : `${row.topic}\n${row.key}`;

/**
 * What the relay holds in memory, by the order it has to keep: one batch of a lane is under way at a time, lanes do
 * not wait for one another. A lane or a topic that is stuck stops being fed, so that it cannot fill the memory.
 */
export class Lanes {
  private readonly lanes = new Map<string, Lane>();
  private readonly rows = new Map<string, OutboxRow>();
  private readonly perTopic = new Map<string, { rows: number; bytes: number }>();

  /** @param run sends a batch; resolves when it is sent or given up, then the lane goes on */
  constructor(private readonly run: (batch: OutboxRow[]) => Promise<void>) {}

  add(row: OutboxRow): void {
    this.rows.set(row.id, row);
    this.count(row, 1);
    const name = nameOf(row);
    let lane = this.lanes.get(name);
    if (!lane) {
      lane = { topic: row.topic, key: row.key, waiting: [], sending: [] };
      this.lanes.set(name, lane);
    }
    lane.waiting.push(row);
    if (lane.sending.length === 0) void this.pump(name, lane);
  }

  /** The row is deleted, or left for another relay: it is no longer held. */
  forget(row: OutboxRow): void {
    if (!this.rows.delete(row.id)) return;
    this.count(row, -1);
  }

  private count({ topic, value }: OutboxRow, sign: 1 | -1): void {
    const held = this.perTopic.get(topic) ?? { rows: 0, bytes: 0 };
    held.rows += sign;
    held.bytes += sign * (value?.length ?? 0);
    this.perTopic.set(topic, held);
  }

  /** Drops what waits in a shard and was not handed to the bus. */
  dropWaiting(shard: number): void {
    for (const lane of this.lanes.values()) {
      if (lane.waiting[0]?.shard !== shard) continue;
      for (const row of lane.waiting) this.forget(row);
      lane.waiting = [];
    }
  }

  holds(shard: number): boolean {
    for (const row of this.rows.values()) if (row.shard === shard) return true;
    return false;
  }

  get heldIds(): string[] {
    return [...this.rows.keys()];
  }
  get size(): number {
    return this.rows.size;
  }
  get fullLanes(): { topic: string; key: string }[] {
    const full: { topic: string; key: string }[] = [];
    for (const { topic, key, waiting } of this.lanes.values())
      if (key !== null && waiting.length >= fullLane) full.push({ topic, key });
    return full;
  }
  get fullTopics(): string[] {
    return [...this.perTopic]
      .filter(([, { rows, bytes }]) => rows >= fullTopicRows || bytes >= fullTopicBytes)
      .map(([topic]) => topic);
  }

  private async pump(name: string, lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      lane.sending = lane.waiting.splice(0, sendAtOnce);
      await this.run(lane.sending);
    }
    lane.sending = [];
    this.lanes.delete(name);
  }
}
