import type { ServiceName } from '@mortise/contracts';
import { crc32 } from 'node:zlib';
import { shardCount } from './rows.js';

// Advisory locks are (class, number): one class for the shards of a service, one for its relays' presence.
const lockClass = (purpose: string, service: ServiceName) =>
  crc32(`mortise.outbox.${purpose}.${service}`) & 0x7fffffff;

const countMembers = `
  select count(distinct objid)::int as members from pg_locks
  where locktype = 'advisory' and classid = $1 and granted
    and database = (select oid from pg_database where datname = current_database())`;

/**
 * The shards this process relays: session advisory locks, so that they are free the moment the process or its
 * connection is gone. The relays of one service share them evenly.
 */
export class Shards {
  readonly owned = new Set<number>();
  private readonly shardLocks: number;
  private readonly memberLocks: number;
  private joined = false;

  constructor(
    private readonly query: <R extends object>(text: string, values: unknown[]) => Promise<R[]>,
    service: ServiceName,
  ) {
    this.shardLocks = lockClass('shard', service);
    this.memberLocks = lockClass('member', service);
  }

  /**
   * Takes free shards up to a fair share.
   * @returns how many shards to give up, for the sake of a relay that came later
   */
  async balance(): Promise<number> {
    if (!this.joined) {
      const number = Math.floor(Math.random() * 0x7fffffff);
      await this.query('select pg_advisory_lock_shared($1, $2)', [this.memberLocks, number]);
      this.joined = true;
    }
    const [count] = await this.query<{ members: number }>(countMembers, [this.memberLocks]);
    const fair = Math.ceil(shardCount / Math.max(1, count?.members ?? 1));
    // Everyone starts at another shard, else all relays race for the same one.
    const start = Math.floor(Math.random() * shardCount);
    for (let step = 0; step < shardCount && this.owned.size < fair; step++) {
      const shard = (start + step) % shardCount;
      if (!this.owned.has(shard) && (await this.tryLock(shard))) this.owned.add(shard);
    }
    return Math.max(0, this.owned.size - fair);
  }

  /** Only when nothing of the shard is in flight any more: its next owner sends at once. */
  async release(shard: number): Promise<void> {
    await this.query('select pg_advisory_unlock($1, $2)', [this.shardLocks, shard]);
    this.owned.delete(shard);
  }

  private async tryLock(shard: number): Promise<boolean> {
    const [lock] = await this.query<{ taken: boolean }>('select pg_try_advisory_lock($1, $2) as taken', [
      this.shardLocks,
      shard,
    ]);
    return lock?.taken ?? false;
  }
}
