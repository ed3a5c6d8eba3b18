import type { LogLineDto } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { encodePlace, isBefore } from './log-cursor.js';
import { logLines, placeOfLine, type LogFilter, type LogPlace } from './logs.queries.js';

/** Lines are stored a moment after they were written, and instances' clocks differ: so far back is read again. */
const overlapMs = 5_000;
const linesAtOnce = 500;
const firstLines = 20;
const nobody = '00000000-0000-0000-0000-000000000000';

/** A line on its way to a client, with the place it can resume from. */
export interface TailLine {
  id: string;
  line: LogLineDto;
}

/** Reads a stream of lines as they come, each once, also those that are stored after younger ones. */
export class TailReader {
  /** Lines within the overlap that the client has. */
  private readonly seen = new Map<string, number>();
  private last: LogPlace | undefined;

  private constructor(
    private readonly db: Database,
    private readonly filter: LogFilter,
    private readonly startedMs: number,
  ) {}

  /** Goes on after a place a client was at; lines older than the overlap count as seen. */
  static async resume(db: Database, filter: LogFilter, after: LogPlace): Promise<TailReader> {
    const reader = new TailReader(db, filter, after.atMs);
    reader.last = after;
    for (const line of await reader.window()) {
      if (!isBefore(after, placeOfLine(line))) reader.remember(line);
    }
    return reader;
  }

  /** Begins now, with the last lines that are there. */
  static async begin(
    db: Database,
    filter: LogFilter,
    nowMs: number,
  ): Promise<{ reader: TailReader; lines: TailLine[] }> {
    const reader = new TailReader(db, filter, nowMs);
    const [newest] = await reader.read({ order: 'desc', limit: 1 });
    if (!newest) return { reader, lines: [] };
    reader.last = placeOfLine(newest);
    const window = await reader.window();
    for (const line of window) reader.remember(line);
    const missing = firstLines - window.length;
    const older =
      missing > 0 ? await reader.read({ order: 'desc', limit: missing, from: reader.windowStart() }) : [];
    const lines = [...older.reverse(), ...window].slice(-firstLines);
    return { reader, lines: lines.map((line) => reader.hand(line)) };
  }

  /** What was stored since the last call. */
  async next(): Promise<TailLine[]> {
    const fresh = (await this.window()).filter((line) => !this.seen.has(encodePlace(placeOfLine(line))));
    const lines = fresh.map((line) => {
      this.remember(line);
      return this.hand(line);
    });
    const { atMs } = this.windowStart();
    for (const [id, lineMs] of this.seen) if (lineMs < atMs) this.seen.delete(id);
    return lines;
  }

  /** The id never goes back: a client that resumes from a line that came late is not sent the younger ones again. */
  private hand(line: LogLineDto): TailLine {
    const place = placeOfLine(line);
    if (!this.last || isBefore(this.last, place)) this.last = place;
    return { id: encodePlace(this.last), line };
  }

  private remember(line: LogLineDto): void {
    const place = placeOfLine(line);
    this.seen.set(encodePlace(place), place.atMs);
  }

  private windowStart(): LogPlace {
    const atMs = (this.last?.atMs ?? this.startedMs) - overlapMs;
    return { atMs, executionId: nobody, sequence: 0 };
  }

  private async window(): Promise<LogLineDto[]> {
    const lines: LogLineDto[] = [];
    for (let from = this.windowStart(); ;) {
      const some = await this.read({ order: 'asc', limit: linesAtOnce, from });
      lines.push(...some);
      const last = some.at(-1);
      if (!last || some.length < linesAtOnce) return lines;
      from = placeOfLine(last);
    }
  }

  private read(o: Parameters<typeof logLines>[2]): Promise<LogLineDto[]> {
    return this.db.tx(this.filter.tenantId, (tx) => logLines(tx, this.filter, o));
  }
}
