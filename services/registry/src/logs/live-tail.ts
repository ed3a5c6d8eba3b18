import type { ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { Database } from '@mortise/database';
import { AppError } from '@mortise/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { decodePlace } from './log-cursor.js';
import { LogFeed } from './log-feed.js';
import type { LogFilter } from './logs.queries.js';
import { TailReader, type TailLine } from './tail-reader.js';

const pollMs = 500;
const heartbeatMs = 15_000;

/** Answers that stay open and carry lines as they are stored (text/event-stream). */
@Injectable()
export class LiveTail {
  private readonly open = new Set<AbortController>();
  private closed = false;

  constructor(
    private readonly db: Database,
    private readonly feed: LogFeed,
  ) {}

  /**
   * Resolves when the client has gone or the service stops.
   * @throws AppError INVALID_CURSOR, UNAVAILABLE, before anything is sent
   */
  async follow(request: FastifyRequest, reply: FastifyReply, filter: LogFilter): Promise<void> {
    if (this.closed) throw new AppError('UNAVAILABLE', { what: 'The live tail' });
    const end = new AbortController();
    // From here on a shutdown or a client that leaves must be noticed, also while the first lines are read.
    reply.raw.once('close', () => end.abort());
    // Who left while the installation was looked up has closed already, and will not do it again.
    if (reply.raw.destroyed) return;
    this.open.add(end);
    try {
      const lastId = request.headers['last-event-id'];
      const { reader, lines } =
        typeof lastId === 'string' && lastId !== ''
          ? { reader: await TailReader.resume(this.db, filter, decodePlace(lastId)), lines: [] }
          : await TailReader.begin(this.db, filter);
      const answer = takeOver(reply);
      await this.stream(answer, reader, lines, filter.installationId, end.signal);
      answer.end();
    } finally {
      this.open.delete(end);
    }
  }

  /** How many are followed right now. */
  get size(): number {
    return this.open.size;
  }

  /** Ends every tail; clients come back with the id of the last line they have. */
  close(): void {
    this.closed = true;
    for (const end of this.open) end.abort();
  }

  private async stream(
    answer: ServerResponse,
    reader: TailReader,
    first: TailLine[],
    installationId: string,
    signal: AbortSignal,
  ): Promise<void> {
    const bell = new Bell(signal);
    const ends = [this.feed.onStored(installationId, () => bell.ring())];
    const heartbeat = setInterval(() => answer.write(': still here\n\n'), heartbeatMs);
    ends.push(() => clearInterval(heartbeat));
    try {
      await send(answer, first, signal);
      while (!signal.aborted) {
        await bell.rungOrAfter(pollMs);
        await sendNew(answer, reader, signal);
      }
    } finally {
      for (const stop of ends) stop();
    }
  }
}

async function sendNew(answer: ServerResponse, reader: TailReader, signal: AbortSignal): Promise<void> {
  try {
    for await (const lines of reader.next()) {
      if (signal.aborted) return;
      await send(answer, lines, signal);
    }
  } catch (error) {
    // The database may be away for a moment: the client stays, and the next look finds what was missed.
    if (!signal.aborted)
      answer.write(`: ${error instanceof AppError ? error.code : 'UNAVAILABLE'}, trying again\n\n`);
  }
}

async function send(answer: ServerResponse, lines: TailLine[], signal: AbortSignal): Promise<void> {
  for (const line of lines) {
    if (signal.aborted) return;
    if (!answer.write(message(line))) await drained(answer, signal);
  }
}

const message = ({ id, line }: TailLine): string =>
  `id: ${id}\nevent: log\ndata: ${JSON.stringify(line)}\n\n`;

/** The answer from now on is ours, not Fastify's; the headers it has so far go with it. */
function takeOver(reply: FastifyReply): ServerResponse {
  const headers = reply.getHeaders();
  reply.hijack();
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) reply.raw.setHeader(name, value);
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  reply.raw.flushHeaders();
  return reply.raw;
}

function drained(answer: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      answer.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    answer.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}

/** Waits for news; a ring that comes while nobody waits is kept. */
class Bell {
  private rung = false;
  private wake = (): void => {};

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.ring(), { once: true });
    this.rung = signal.aborted;
  }

  ring(): void {
    this.rung = true;
    this.wake();
  }

  rungOrAfter(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake(), this.rung ? 0 : ms);
      this.wake = () => {
        clearTimeout(timer);
        this.wake = () => {};
        this.rung = false;
        resolve();
      };
    });
  }
}
