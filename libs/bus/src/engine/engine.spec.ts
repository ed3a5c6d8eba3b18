import { AppError } from '@mortise/service-kit';
import { FakeClock } from '@mortise/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { quiet } from '../bus.contract.js';
import type { BusRecord, Parking, Received } from '../record.js';
import { Batcher } from './batcher.js';
import { Deadlines } from './deadlines.js';
import { Failures, type FailureOptions } from './failures.js';
import { Processor, type Handler } from './processor.js';
import { parkDelayMs, retryDelayMs, retryPolicy, type Timers } from './timing.js';
import { PartitionTrack } from './track.js';

/** Timers that fire when the test moves the clock. */
class ManualTimers implements Timers {
  private readonly due: { atMs: number; run: () => void }[] = [];
  constructor(private readonly clock: FakeClock) {}

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.clock.now() + delayMs, run };
    this.due.push(timer);
    return () => {
      const index = this.due.indexOf(timer);
      if (index >= 0) this.due.splice(index, 1);
    };
  }

  /** Fires the next timer, having moved the clock to it, until the time is used up. */
  async advance(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    for (;;) {
      await settled();
      const next = this.due.filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.due.splice(this.due.indexOf(next), 1);
      this.clock.advance(Math.max(0, next.atMs - this.clock.now()));
      next.run();
    }
    this.clock.advance(end - this.clock.now());
    await settled();
  }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

const received = (offset: number, key: string | null = 'key'): Received => ({
  topic: 'executions.background',
  partition: 0,
  offset: String(offset),
  timestamp: 0,
  key,
  value: Buffer.from(String(offset)),
  headers: {},
  attempt: 1,
});

describe('the engine', () => {
  let clock: FakeClock;
  let timers: ManualTimers;
  let sent: BusRecord[];
  let track: PartitionTrack;
  beforeEach(() => {
    clock = new FakeClock();
    timers = new ManualTimers(clock);
    sent = [];
    track = new PartitionTrack('executions.background', 0, 0);
  });

  const failures = (more: Partial<FailureOptions> = {}) =>
    new Failures({
      service: 'executor',
      topic: 'executions.background',
      group: 'executor',
      solo: false,
      policy: retryPolicy,
      clock,
      timers,
      random: () => 0.5,
      logger: quiet,
      parking: () => undefined,
      send: async (records) => void sent.push(...records),
      ...more,
    });
  const processor = (handler: Handler, more: Partial<FailureOptions> = {}, maxInFlight = 10) =>
    new Processor({ handler, ordering: 'key', maxInFlight, failures: failures(more) });
  const feed = (sink: Processor | Batcher, ...records: Received[]) => {
    for (const record of records) {
      track.take(Number(record.offset));
      sink.accept(record, track);
    }
  };

  it('tries again after 50 ms, 500 ms and then doubling, a minute in all, and then sends a dead letter', async () => {
    const tries: number[] = [];
    const start = clock.now();
    const sink = processor(async () => {
      tries.push(clock.now() - start);
      throw new Error('away');
    });

    feed(sink, received(0));
    await timers.advance(120_000);

    expect(tries).toEqual([0, 50, 550, 1_550, 3_550, 7_550, 15_550, 31_550]);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ topic: 'dead-letters.executor', key: 'key' });
    expect(sent[0]?.headers['dead-letter-attempts']).toBe('8');
    expect(track.watermark).toBe(1);
  });

  it('spreads the delays by the jitter and no further', () => {
    expect([0, 0.5, 1].map((random) => retryDelayMs(retryPolicy, 2, random))).toEqual([400, 500, 600]);
    expect([1, 2, 12].map((times) => parkDelayMs(retryPolicy, times))).toEqual([60_000, 120_000, 3_600_000]);
  });

  it('holds back the key of a failing record, and only it', async () => {
    const done: string[] = [];
    let healthy = false;
    const sink = processor(async (record) => {
      if (record.key === 'bad' && !healthy) throw new Error('away');
      done.push(record.offset);
    });

    feed(sink, received(0, 'bad'), received(1, 'bad'), received(2, 'good'), received(3, null));
    await timers.advance(40);
    expect(done).toEqual(['2', '3']);
    expect(track.watermark).toBe(0);

    healthy = true;
    await timers.advance(20);
    expect(done).toEqual(['2', '3', '0', '1']);
    expect(track.watermark).toBe(4);
  });

  it('parks instead, when it can, and counts the times', async () => {
    const parked: Parameters<Parking['park']>[0][] = [];
    const parking: Parking = { park: async (one) => void parked.push(one) };
    const sink = processor(
      async () => {
        throw new Error('away');
      },
      { parking: () => parking },
    );

    feed(sink, received(0));
    await timers.advance(120_000);

    expect(sent).toEqual([]);
    expect(parked).toHaveLength(1);
    expect(parked[0]).toMatchObject({ group: 'executor', attempt: 8, reason: 'away' });
    expect(parked[0]?.record.headers['mortise-parked']).toBe('1');
  });

  it('never parks what can never succeed', async () => {
    const parking: Parking = { park: () => Promise.reject(new Error('parked')) };
    const sink = processor(
      async () => {
        throw new AppError('CONFLICT', { reason: 'no' });
      },
      { parking: () => parking },
    );

    feed(sink, received(0));
    await timers.advance(1);

    expect(sent[0]?.headers['dead-letter-code']).toBe('CONFLICT');
  });

  it('keeps a record until the dead letters have it', async () => {
    let broken = true;
    const sink = processor(
      async () => {
        throw new AppError('CONFLICT', { reason: 'no' });
      },
      {
        send: async (records) => {
          if (broken) throw new Error('no broker');
          sent.push(...records);
        },
      },
    );

    feed(sink, received(0));
    await timers.advance(10_000);
    expect(track.watermark).toBe(0);
    broken = false;
    await timers.advance(10_000);

    expect(sent).toHaveLength(1);
    expect(track.watermark).toBe(1);
  });

  it('runs no more handlers at once than allowed, and says when there is room', async () => {
    const releases: (() => void)[] = [];
    const sink = processor(() => new Promise<void>((resolve) => releases.push(resolve)), {}, 2);
    let rooms = 0;
    sink.onRoom = () => (rooms += 1);

    feed(sink, ...[0, 1, 2, 3].map((offset) => received(offset, `k${offset}`)));
    expect(releases).toHaveLength(2);
    expect([sink.held, sink.isFull]).toEqual([4, true]);

    releases[0]?.();
    await settled();
    expect(releases).toHaveLength(3);
    expect(rooms).toBe(0);
    releases[1]?.();
    await settled();
    expect(rooms).toBe(1);
  });

  it('is full by bytes long before it is by records, and has room again at half of them', async () => {
    const releases: (() => void)[] = [];
    const sink = processor(() => new Promise<void>((resolve) => releases.push(resolve)), {}, 1_000);
    let rooms = 0;
    sink.onRoom = () => (rooms += 1);
    const large = (offset: number) => ({ ...received(offset, `k${offset}`), value: Buffer.alloc(4_194_304) });

    feed(sink, ...Array.from({ length: 7 }, (_, offset) => large(offset)));
    expect(sink.isFull).toBe(false);
    feed(sink, large(7));
    expect(sink.isFull).toBe(true);

    for (const release of releases.splice(0, 4)) release();
    await settled();
    expect(rooms).toBe(0);
    releases[0]?.();
    await settled();
    expect(rooms).toBe(1);
  });

  it('parks a record whose handler never answers, and goes on with its key and its partition', async () => {
    const parked: string[] = [];
    const started: string[] = [];
    let answer: () => void = () => {};
    const parking = { park: async ({ record }: { record: Received }) => void parked.push(record.offset) };
    const sink = processor(
      (record) => {
        started.push(record.offset);
        return record.offset === '0' ? new Promise<void>((resolve) => (answer = resolve)) : Promise.resolve();
      },
      { parking: () => parking },
    );
    feed(sink, received(0), received(1));

    await timers.advance(59_000);
    expect([started, parked, track.watermark]).toEqual([['0'], [], 0]);
    await timers.advance(7_000);
    expect([started, parked, track.watermark]).toEqual([['0', '1'], ['0'], 2]);

    answer();
    await settled();
    expect([sink.held, track.watermark]).toEqual([0, 2]);
  });

  it('drops queued work of a partition that was taken away, and discards the result of what runs', async () => {
    const started: string[] = [];
    let release: () => void = () => {};
    const sink = processor((record) => {
      started.push(record.offset);
      return new Promise<void>((resolve) => (release = resolve));
    });
    feed(sink, ...Array.from({ length: 20_000 }, (_, offset) => received(offset)));

    track.live = false;
    release();
    await sink.idle();

    expect(started).toEqual(['0']);
    expect(track.watermark).toBe(0);
  });

  it('ends waits when it is stopped, leaving the record for the next owner', async () => {
    const sink = processor(async () => {
      throw new Error('away');
    });
    feed(sink, received(0));
    await settled();

    sink.stop();
    await sink.idle();

    expect(sent).toEqual([]);
    expect(track.watermark).toBe(0);
  });

  it('fails the record, not the transport, when a handler throws without a promise', async () => {
    const sink = processor(() => {
      throw new AppError('CONFLICT', { reason: 'no' });
    });

    feed(sink, received(0));
    await settled();

    expect(sent).toHaveLength(1);
  });

  it('handles batches in order and gathers for as long as it was told', async () => {
    const batches: string[][] = [];
    const sink = new Batcher({
      handler: async (records) => void batches.push(records.map(({ offset }) => offset)),
      maxBatch: 3,
      delayMs: 20,
      maxInFlight: 100,
      failures: failures(),
    });

    feed(sink, ...[0, 1, 2, 3].map((offset) => received(offset)));
    await settled();
    expect(batches).toEqual([['0', '1', '2']]);
    await timers.advance(20);

    expect(batches).toEqual([['0', '1', '2'], ['3']]);
    expect(track.watermark).toBe(4);
  });

  it('tries a failing batch again whole, then each record by itself', async () => {
    const sizes: number[] = [];
    const sink = new Batcher({
      handler: async (records) => {
        sizes.push(records.length);
        if (records.some(({ offset }) => offset === '1')) throw new Error('bad row');
      },
      maxBatch: 3,
      delayMs: 20,
      maxInFlight: 100,
      failures: failures(),
    });

    feed(sink, received(0, 'a'), received(1, 'b'), received(2, 'c'));
    await timers.advance(200_000);

    expect(sizes.slice(0, 3)).toEqual([3, 3, 3]);
    expect(sent.map(({ key }) => key)).toEqual(['b']);
    expect(track.watermark).toBe(3);
  });

  it('finishes a batch but for what its handler refuses, and waits with nothing until that is put aside', async () => {
    const handled: string[][] = [];
    let isBusAway = true;
    const sink = new Batcher({
      handler: async (records) => {
        handled.push(records.map(({ offset }) => offset));
        return records
          .filter(({ offset }) => offset === '1')
          .map((record) => ({ record, error: new AppError('MESSAGE_UNDECODABLE', { reason: 'torn' }) }));
      },
      maxBatch: 3,
      delayMs: 20,
      maxInFlight: 100,
      failures: failures({
        send: async (records) => {
          if (isBusAway) throw new Error('away');
          sent.push(...records);
        },
      }),
    });

    feed(sink, ...[0, 1, 2, 3].map((offset) => received(offset)));
    await timers.advance(20);
    expect(handled).toEqual([['0', '1', '2'], ['3']]);
    expect([track.watermark, sink.held, sent.length]).toEqual([1, 1, 0]);
    isBusAway = false;
    await timers.advance(5_000);

    expect([track.watermark, sink.held]).toEqual([4, 0]);
    expect(sent.map(({ headers }) => headers['dead-letter-offset'])).toEqual(['1']);
  });
});

describe('PartitionTrack', () => {
  it('moves the watermark to the first unfinished offset, over gaps that compaction left', () => {
    const track = new PartitionTrack('t', 0, 5);
    for (const offset of [5, 8, 9, 20]) expect(track.take(offset)).toBe(true);

    track.finish(8);
    track.finish(20);
    expect(track.watermark).toBe(5);
    track.finish(5);
    expect(track.watermark).toBe(9);
    track.finish(9);
    expect(track.watermark).toBe(21);
    expect(track.outstanding).toBe(0);
  });

  it('takes no offset twice', () => {
    const track = new PartitionTrack('t', 0, 0);

    expect([track.take(0), track.take(1), track.take(0), track.take(1)]).toEqual([true, true, false, false]);
  });

  it('agrees with a plain list, whatever the order of finishing', () => {
    const track = new PartitionTrack('t', 0, 0);
    const open = new Set(Array.from({ length: 5_000 }, (_, offset) => offset));
    for (const offset of open) track.take(offset);
    let seed = 7;
    while (open.size > 0) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      const lowest = Math.min(...[...open].slice(0, 50));
      const offset = [...open][seed % Math.min(open.size, 50)] as number;
      open.delete(offset);
      track.finish(offset);
      expect(track.watermark).toBe(open.size === 0 ? 5_000 : open.has(lowest) ? lowest : Math.min(...open));
    }
  });
});

describe('Deadlines', () => {
  it('fires what is due, never early, and forgets what was removed', async () => {
    const clock = new FakeClock();
    const timers = new ManualTimers(clock);
    const fired: string[] = [];
    const deadlines = new Deadlines<string>(clock, timers, (item) => fired.push(item));
    const start = clock.now();

    deadlines.add(start + 30, 'soon');
    deadlines.add(start + 100, 'later');
    deadlines.remove(deadlines.add(start + 30, 'gone'), 'gone');
    await timers.advance(29);
    expect(fired).toEqual([]);
    await timers.advance(40);
    expect(fired).toEqual(['soon']);
    await timers.advance(100);
    expect(fired).toEqual(['soon', 'later']);
  });
});
