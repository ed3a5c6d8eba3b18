import type { OutboxRow } from './rows.js';

/** Rows of one (topic, key), in order; a row that keeps no order has a lane of its own. */
interface Lane {
  topic: string;
  key: string | null;
  waiting: OutboxRow[];
  sending: OutboxRow[];
  full: boolean;
}

interface Held {
  rows: number;
  bytes: number;
  full: boolean;
}

const sendAtOnce = 64;
const fullLane = 128;
const fullTopicRows = 6_000;
const fullTopicBytes = 32_000_000;

// What is full stays so until some of it has gone, for each look for more walks past all that is held. Of a topic little
// is enough: what is stuck in it must not keep it full for the keys that are not.
const laneHasRoom = 0.5;
const topicHasRoom = 0.9;

const laneName = (topic: string, key: string) => `${topic}\n${key}`;
const nameOf = (row: OutboxRow) =>
  row.key === null || row.dueAt !== null ? `#${row.id}` : laneName(row.topic, row.key);

interface Full {
  lanes: { topic: string; key: string }[];
  topics: string[];
}

/**
 * What the relay holds in memory, by the order it has to keep: one batch of a lane is under way at a time, lanes do
 * not wait for one another. A lane or a topic that is stuck stops being fed, so that it cannot fill the memory.
 */
export class Lanes {
  private readonly lanes = new Map<string, Lane>();
  private readonly rows = new Map<string, OutboxRow>();
  private readonly perTopic = new Map<string, Held>();
  private fullNow = 0;
  private room = false;

  /** @param run sends a batch; resolves when it is sent or given up, then the lane goes on */
  constructor(private readonly run: (batch: OutboxRow[]) => Promise<void>) {}

  add(row: OutboxRow): void {
    this.rows.set(row.id, row);
    this.count(row, 1);
    const name = nameOf(row);
    let lane = this.lanes.get(name);
    if (!lane) {
      lane = { topic: row.topic, key: row.key, waiting: [], sending: [], full: false };
      this.lanes.set(name, lane);
    }
    lane.waiting.push(row);
    this.measure(lane);
    if (lane.sending.length === 0) void this.pump(name, lane);
  }

  /** The row is deleted, or left for another relay: it is no longer held. */
  forget(row: OutboxRow): void {
    if (!this.rows.delete(row.id)) return;
    this.count(row, -1);
  }

  private count({ topic, value }: OutboxRow, sign: 1 | -1): void {
    const held = this.perTopic.get(topic) ?? { rows: 0, bytes: 0, full: false };
    held.rows += sign;
    held.bytes += sign * (value?.length ?? 0);
    const part = Math.max(held.rows / fullTopicRows, held.bytes / fullTopicBytes);
    this.mark(held, part >= 1 || (held.full && part > topicHasRoom));
    this.perTopic.set(topic, held);
  }

  /** Drops what waits in a shard and was not handed to the bus. */
  dropWaiting(shard: number): void {
    for (const lane of this.lanes.values()) {
      if (lane.waiting[0]?.shard !== shard) continue;
      for (const row of lane.waiting) this.forget(row);
      lane.waiting = [];
      this.measure(lane);
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

  /** What has so much waiting that no more is to be read for it. */
  full(): Full {
    const lanes: Full['lanes'] = [];
    for (const { topic, key, full } of this.lanes.values())
      if (full && key !== null) lanes.push({ topic, key });
    const topics = [...this.perTopic].filter(([, { full }]) => full).map(([topic]) => topic);
    return { lanes, topics };
  }

  get anyFull(): boolean {
    return this.fullNow > 0;
  }

  /** Is there room again, since this was asked last, for something that was full? */
  takeRoom(): boolean {
    const { room } = this;
    this.room = false;
    return room;
  }

  private measure(lane: Lane): void {
    const part = lane.waiting.length / fullLane;
    this.mark(lane, lane.key !== null && (part >= 1 || (lane.full && part > laneHasRoom)));
  }

  private mark(of: { full: boolean }, full: boolean): void {
    if (of.full === full) return;
    of.full = full;
    this.fullNow += full ? 1 : -1;
    if (!full) this.room = true;
  }

  private async pump(name: string, lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      lane.sending = lane.waiting.splice(0, sendAtOnce);
      this.measure(lane);
      await this.run(lane.sending);
    }
    lane.sending = [];
    this.lanes.delete(name);
  }
}
