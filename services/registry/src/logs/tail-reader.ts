import type { LogLineDto } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { systemClock } from '@mortise/service-kit';
import { encodePlace, isBefore } from './log-cursor.js';
import { logLines, placeOfLine, type LogFilter, type LogPlace } from './logs.queries.js';

/** Lines are stored a moment after they were written, and instances' clocks differ: so far back is read again. */
const overlapMs = 5_000;
/** Reading back costs as much as a plugin logs: not at each wake. */
const lookBackEveryMs = 1_000;
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
  /** Lines within the overlap that the client has, and when they were written. */
  private readonly seen = new Map<string, number>();
  private last: LogPlace | undefined;
  private lookedBackMs = 0;

  private constructor(
    private readonly db: Database,
    private readonly filter: LogFilter,
    private readonly startedMs: number,
  ) {}

  /** Goes on after a place a client was at; the lines before it count as seen. */
  static async resume(db: Database, filter: LogFilter, after: LogPlace): Promise<TailReader> {
    const reader = new TailReader(db, filter, after.atMs);
    reader.last = after;
    for await (const page of reader.pages(reader.windowStart())) {
      const known = page.filter((line) => !isBefore(after, placeOfLine(line)));
      for (const line of known) reader.remember(line);
      if (known.length < page.length) break;
    }
    return reader;
  }

  /** Begins now, with the last lines that are there. */
  static async begin(db: Database, filter: LogFilter): Promise<{ reader: TailReader; lines: TailLine[] }> {
    const reader = new TailReader(db, filter, systemClock.now());
    const [newest] = await reader.read({ order: 'desc', limit: 1 });
    if (!newest) return { reader, lines: [] };
    reader.last = placeOfLine(newest);
    let latest: LogLineDto[] = [];
    for await (const page of reader.pages(reader.windowStart())) {
      for (const line of page) reader.remember(line);
      latest = [...latest, ...page].slice(-firstLines);
    }
    const limit = firstLines - latest.length;
    const older = limit > 0 ? await reader.read({ order: 'desc', limit, from: reader.windowStart() }) : [];
    // In order, each with its own place: who leaves halfway through these resumes there.
    const lines = [...older.reverse(), ...latest];
    return { reader, lines: lines.map((line) => ({ id: encodePlace(placeOfLine(line)), line })) };
  }

  /** What was stored since the last call, in portions. */
  async *next(): AsyncGenerator<TailLine[]> {
    const nowMs = systemClock.now();
    const isDue = nowMs - this.lookedBackMs >= lookBackEveryMs;
    if (isDue) this.lookedBackMs = nowMs;
    for await (const page of this.pages(isDue || !this.last ? this.windowStart() : this.last)) {
      const fresh = page.filter((line) => !this.seen.has(encodePlace(placeOfLine(line))));
      for (const line of fresh) this.remember(line);
      yield fresh.map((line) => this.hand(line));
      this.forget();
    }
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

  private forget(): void {
    const { atMs } = this.windowStart();
    for (const [id, lineMs] of this.seen) if (lineMs < atMs) this.seen.delete(id);
  }

  private windowStart(): LogPlace {
    const atMs = (this.last?.atMs ?? this.startedMs) - overlapMs;
    return { atMs, executionId: nobody, sequence: 0 };
  }

  private async *pages(start: LogPlace): AsyncGenerator<LogLineDto[]> {
    for (let from = start; ;) {
      const page = await this.read({ order: 'asc', limit: linesAtOnce, from });
      const last = page.at(-1);
      if (last) yield page;
      if (!last || page.length < linesAtOnce) return;
      from = placeOfLine(last);
    }
  }

  private read(o: Parameters<typeof logLines>[2]): Promise<LogLineDto[]> {
    return this.db.tx(this.filter.tenantId, (tx) => logLines(tx, this.filter, o));
  }
}
