import { Injectable } from '@nestjs/common';
import { replayOf } from '@mortise/bus';
import type {
  DeadLetterDetailDto,
  DeadLetterDto,
  DeadLetterFilter,
  DeadLetterQuery,
  DeadLettersChangedDto,
  Page,
} from '@mortise/contracts';
import { Database, Outbox, placeOf, toPage, type Tx } from '@mortise/database';
import { AppError } from '@mortise/service-kit';
import { isId } from '../ids.js';
import {
  deadLetterPage,
  deadLetterRow,
  markRows,
  recordOf,
  toDeadLetterDto,
  waitingRows,
  type FullRow,
} from './dead-letters.queries.js';
import { shown } from './shown.js';

const usualLimit = 100;
const gone = 'its topic does not exist any more';

/** What operators see of messages that could not be handled, and decide about them. */
@Injectable()
export class DeadLetters {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
  ) {}

  async list(query: DeadLetterQuery): Promise<Page<DeadLetterDto>> {
    const place = placeOf(query);
    return toPage(place, await this.db.system((tx) => deadLetterPage(tx, query, place)), toDeadLetterDto);
  }

  /** @throws AppError DEAD_LETTER_NOT_FOUND */
  async get(id: string): Promise<DeadLetterDetailDto> {
    const row = await this.db.system((tx) => find(tx, id));
    return { ...toDeadLetterDto(row), ...shown(row.letter.headers, row.value) };
  }

  /**
   * The message goes to its topic again, in the transaction that says so.
   * @throws AppError DEAD_LETTER_NOT_FOUND, DEAD_LETTER_FINAL
   */
  async replay(by: string, id: string): Promise<DeadLetterDto> {
    return this.db.system(async (tx) => {
      const row = await find(tx, id, 'for update');
      if (row.status === 'discarded') throw new AppError('DEAD_LETTER_FINAL', { reason: 'it was discarded' });
      if ((await this.send(tx, [row], by)) === 0) throw new AppError('DEAD_LETTER_FINAL', { reason: gone });
      return toDeadLetterDto(await find(tx, id));
    });
  }

  async replayMany(by: string, filter: DeadLetterFilter): Promise<DeadLettersChangedDto> {
    return this.many(filter, (tx, rows) => this.send(tx, rows, by));
  }

  /** @throws AppError DEAD_LETTER_NOT_FOUND */
  async discard(by: string, id: string): Promise<void> {
    await this.db.system(async (tx) => markRows(tx, [await find(tx, id, 'for update')], 'discarded', by));
  }

  async discardMany(by: string, filter: DeadLetterFilter): Promise<DeadLettersChangedDto> {
    return this.many(filter, async (tx, rows) => {
      await markRows(tx, rows, 'discarded', by);
      return rows.length;
    });
  }

  private many(
    filter: DeadLetterFilter,
    change: (tx: Tx, rows: FullRow[]) => Promise<number>,
  ): Promise<DeadLettersChangedDto> {
    const limit = filter.limit ?? usualLimit;
    return this.db.system(async (tx) => {
      const rows = await waitingRows(tx, filter, limit);
      return { changed: await change(tx, rows.slice(0, limit)), more: rows.length > limit };
    });
  }

  /** @returns how many could be sent: one whose topic is gone stays as it is */
  private async send(tx: Tx, rows: FullRow[], by: string): Promise<number> {
    const replays = rows.map((row) => ({ row, record: replayOf(recordOf(row)) }));
    const able = replays.flatMap(({ row, record }) => (record ? [{ row, record }] : []));
    await this.outbox.addRecords(
      tx,
      able.map(({ record }) => record),
    );
    await markRows(
      tx,
      able.map(({ row }) => row),
      'replayed',
      by,
    );
    return able.length;
  }
}

async function find(tx: Tx, id: string, lock: '' | 'for update' = ''): Promise<FullRow> {
  const row = isId(id) ? await deadLetterRow(tx, id, lock) : undefined;
  if (!row) throw new AppError('DEAD_LETTER_NOT_FOUND', { id });
  return row;
}
