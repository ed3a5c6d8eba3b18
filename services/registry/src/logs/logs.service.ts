import { Injectable } from '@nestjs/common';
import type { LogLineDto, LogQuery, Page } from '@mortise/contracts';
import { Database } from '@mortise/database';
import { AppError } from '@mortise/service-kit';
import { isId } from '../ids.js';
import { instantOf } from '../instant.js';
import { severityOf } from '../projections/logs-projection.js';
import { decodePlace, encodePlace } from './log-cursor.js';
import { installationOfExecution, logLines, placeOfLine, type LogFilter } from './logs.queries.js';

const defaultLines = 50;

export const filterOf = (tenantId: string, installationId: string, query: LogQuery): LogFilter => ({
  tenantId,
  installationId,
  executionId: query.executionId?.toLowerCase(),
  severity: severityOf[query.level ?? 'debug'],
  sinceMs: query.since === undefined ? undefined : instantOf(query.since, '/since').getTime(),
});

/** What plugins logged, page by page, newest first. */
@Injectable()
export class LogsService {
  constructor(private readonly db: Database) {}

  /** @throws AppError INVALID_CURSOR */
  async page(filter: LogFilter, query: LogQuery): Promise<Page<LogLineDto>> {
    const limit = query.limit ?? defaultLines;
    const backwards = query.cursor?.startsWith('p') ?? false;
    const from = query.cursor === undefined ? undefined : decodeCursor(query.cursor);
    const rows = await this.db.tx(filter.tenantId, (tx) =>
      logLines(tx, filter, { order: backwards ? 'asc' : 'desc', from, limit: limit + 1 }),
    );
    const more = rows.length > limit;
    const shown = rows.slice(0, limit);
    if (backwards) shown.reverse();
    const first = shown[0];
    const last = shown.at(-1);
    return {
      data: shown,
      page: {
        next: last && (backwards || more) ? `n${encodePlace(placeOfLine(last))}` : null,
        prev: first && (backwards ? more : from) ? `p${encodePlace(placeOfLine(first))}` : null,
        limit,
      },
    };
  }

  /** @throws AppError EXECUTION_NOT_FOUND, also for another tenant's */
  async installationOf(tenantId: string, executionId: string): Promise<string> {
    const found = isId(executionId)
      ? await this.db.tx(tenantId, (tx) => installationOfExecution(tx, tenantId, executionId))
      : undefined;
    if (found === undefined) throw new AppError('EXECUTION_NOT_FOUND', { execution: executionId });
    return found;
  }
}

function decodeCursor(cursor: string) {
  if (!/^[np]/.test(cursor)) throw new AppError('INVALID_CURSOR');
  return decodePlace(cursor.slice(1));
}
