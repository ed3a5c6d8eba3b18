import { connect } from 'node:net';
import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { LogLine, LogLineDto, Page } from '@mortise/contracts';
import { Database } from '@mortise/database';
import { buildHttpApp, Health, newId, principalHeader, signPrincipal } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { install, logger, registryDatabase, type Installed } from '../../test/installed.js';
import { TailClient } from '../../test/tail-client.js';
import { InstallationLookup } from '../installations/installation-lookup.js';
import { PluginLookup } from '../plugins/plugin-lookup.js';
import { projectLogs } from '../projections/logs-projection.js';
import { LiveTail } from './live-tail.js';
import { encodePlace } from './log-cursor.js';
import { LogFeed } from './log-feed.js';
import { LogsController } from './logs.controller.js';
import { LogsService } from './logs.service.js';

const internalKey = 'internal-key-of-this-test-0123456789';
let db: Database;
let closeDatabase: () => Promise<void>;
let app: NestFastifyApplication;
let url: string;
let installed: Installed;
let executionId: string;
const feed = new LogFeed();

@Module({})
class LogsModule {}

beforeAll(async () => {
  ({ db, close: closeDatabase } = await registryDatabase());
  const module = {
    module: LogsModule,
    controllers: [LogsController],
    providers: [
      LogsService,
      LiveTail,
      InstallationLookup,
      PluginLookup,
      { provide: Database, useValue: db },
      { provide: LogFeed, useValue: feed },
    ],
  };
  app = await buildHttpApp(module, { service: 'registry', logger, health: new Health(), internalKey });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});
afterAll(async () => {
  app.get(LiveTail).close();
  await app.close();
  await closeDatabase();
});
beforeEach(async () => {
  installed = await install(db);
  executionId = newId();
});

const headers = (tenantId = installed.tenantId) => ({
  [principalHeader]: signPrincipal(internalKey, {
    tenantId,
    tenantSlug: 'acme',
    roles: ['tenant-admin'],
    subject: 'key:test',
    requestId: newId(),
  }),
});
const at = (ms: number) => new Date(Date.now() - 60_000 + ms).toISOString();
/** Stores lines whose message is their number, `ms` apart. */
async function write(numbers: number[], rest: Partial<LogLine> = {}, execution = executionId): Promise<void> {
  const lines = numbers.map((number) => ({
    at: at(number),
    sequence: number,
    level: 'info' as const,
    message: String(number),
    ...rest,
  }));
  const { tenantId, installationId } = installed;
  await projectLogs(db, [{ executionId: execution, tenantId, installationId, lines }]);
  feed.stored([installationId]);
}
const path = (query = '') => `${url}/api/v1/installations/${installed.installationId}/logs${query}`;
const get = (address: string) => fetch(address, { headers: headers() });
const page = async (address: string) => (await (await get(address)).json()) as Page<LogLineDto>;
const messages = ({ data }: Page<LogLineDto>) => data.map(({ message }) => Number(message));
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
const follow = (query = '', lastId?: string) =>
  TailClient.open(path(`?follow=sse${query}`), {
    ...headers(),
    ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
  });

describe('logs', () => {
  it('are newest first, page by page, there and back', async () => {
    await write(numbers(1, 5), { at: at(0), fields: { n: 1 } });
    const first = await page(path('?limit=2'));
    const second = await page(path(`?limit=2&cursor=${first.page.next}`));
    const third = await page(path(`?limit=2&cursor=${second.page.next}`));
    const back = await page(path(`?limit=2&cursor=${second.page.prev}`));

    expect([first, second, third].map(messages)).toEqual([[5, 4], [3, 2], [1]]);
    expect(messages(back)).toEqual([5, 4]);
    expect([first.page.prev, back.page.prev, third.page.next]).toEqual([null, null, null]);
    expect(first.data[0]).toMatchObject({ executionId, sequence: 5, level: 'info', fields: { n: 1 } });
  });

  it('can be narrowed by level, time and execution', async () => {
    await write([1], { level: 'debug' });
    await write([2], { level: 'error' });
    await write([3], { at: '2029-01-01T00:00:00.000Z' });
    const other = newId();
    await write([4], { level: 'warn' }, other);

    expect(messages(await page(path('?level=warn'))).sort()).toEqual([2, 4]);
    expect(messages(await page(path('?since=2028-01-01T00:00:00Z')))).toEqual([3]);
    expect(messages(await page(path(`?executionId=${other}`)))).toEqual([4]);
    expect(messages(await page(`${url}/api/v1/executions/${other}/logs`))).toEqual([4]);
    expect(messages(await page(`${url}/api/v1/plugins/${installed.slug}/logs?level=error`))).toEqual([2]);
  });

  it('are not shown to another tenant, nor for what is not there', async () => {
    await write([1]);
    const status = async (address: string, tenantId?: string) =>
      (await fetch(address, { headers: headers(tenantId) })).status;

    expect(await status(path(), newId())).toBe(404);
    expect(await status(`${url}/api/v1/executions/${executionId}/logs`, newId())).toBe(404);
    expect(await status(`${url}/api/v1/executions/nonsense/logs`)).toBe(404);
    expect(await status(path('?cursor=nonsense'))).toBe(400);
    expect(await status(path('?since=2030-W05'))).toBe(400);
    expect(await status(path('?follow=sse'), newId())).toBe(404);
  });
});

describe('the live tail', () => {
  it('begins with the last twenty lines and goes on with new ones', async () => {
    await write(numbers(1, 25));
    const tail = await follow();
    await until(() => tail.lines.length === 20, 'the last lines came');
    await write([26, 27]);
    await until(() => tail.lines.length === 22, 'the new lines came');

    expect(tail.contentType).toBe('text/event-stream; charset=utf-8');
    expect(tail.numbers).toEqual(numbers(6, 27));
    tail.close();
  });

  it('shows lines of an installation that had none, of the level asked for', async () => {
    const tail = await follow('&level=warn');
    await write([1], { at: new Date().toISOString() });
    await write([2], { at: new Date().toISOString(), level: 'error' });
    await until(() => tail.lines.length > 0, 'the line came');

    expect(tail.numbers).toEqual([2]);
    tail.close();
  });

  it('resumes after the last line a client has, with nothing twice and nothing left out', async () => {
    await write(numbers(1, 5));
    const before = await follow();
    await until(() => before.lines.length === 5, 'the lines came');
    before.close();
    await write(numbers(6, 8));
    const after = await follow('', before.lastId);
    await write([9]);
    await until(() => after.lines.length === 4, 'the rest came');

    expect(after.numbers).toEqual([6, 7, 8, 9]);
    after.close();
  });

  it('resumes from the middle of the lines it began with', async () => {
    await write(numbers(1, 5));
    const before = await follow();
    await until(() => before.lines.length === 5, 'the lines came');
    before.close();
    const after = await follow('', before.ids[1]);
    await until(() => after.lines.length === 3, 'the rest came');

    expect(after.numbers).toEqual([3, 4, 5]);
    after.close();
  });

  it('shows a line that is stored after younger ones, once, and does not go back for it', async () => {
    await write([1_000, 3_000]);
    const tail = await follow();
    await until(() => tail.lines.length === 2, 'the lines came');
    const younger = tail.lastId;
    await write([2_000]);
    await until(() => tail.lines.length === 3, 'the late line came');
    expect(tail.lastId).toBe(younger);
    await write([4_000]);
    await until(() => tail.lines.length === 4, 'the next line came');

    expect(tail.numbers).toEqual([1_000, 3_000, 2_000, 4_000]);
    tail.close();
  });

  it('sends every line of a burst', async () => {
    const tail = await follow();
    const now = new Date().toISOString();
    await Promise.all(
      [0, 1, 2].map((part) => write(numbers(part * 500, part * 500 + 499), { at: now }, newId())),
    );
    await until(() => tail.lines.length >= 1_500, 'all lines came');

    expect(new Set(tail.numbers).size).toBe(1_500);
    expect(tail.lines).toHaveLength(1_500);
    tail.close();
  });

  it('resumes from long ago, line by line in order', async () => {
    await write(numbers(1, 1_200));
    const tail = await follow('', encodePlace({ atMs: 1, executionId, sequence: 0 }));
    await until(() => tail.lines.length === 1_200, 'all lines came');

    expect(tail.numbers).toEqual(numbers(1, 1_200));
    tail.close();
  });

  it('refuses an id that is no line’s', async () => {
    const answer = await fetch(path('?follow=sse'), {
      headers: { ...headers(), 'last-event-id': 'nonsense' },
    });

    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  it('ends when the client goes, also one that goes before it is answered', async () => {
    const { host, port, hostname } = new URL(url);
    const lines = Object.entries({ ...headers(), host }).map(([name, value]) => `${name}: ${value}`);
    const asked = [`GET ${new URL(path('?follow=sse')).pathname}?follow=sse HTTP/1.1`, ...lines, '', ''];
    const leave = () =>
      new Promise<void>((resolve) => {
        const socket = connect(Number(port), hostname, () =>
          socket.end(asked.join('\r\n'), () => socket.destroy()),
        );
        socket.once('close', () => resolve());
      });
    const stayed = await follow();
    await Promise.all(Array.from({ length: 20 }, leave));
    // Whoever comes later is answered later: by then the others have all been looked at.
    await Promise.all(Array.from({ length: 20 }, () => get(path())));
    await until(() => app.get(LiveTail).size === 1, 'only who stayed is followed');
    stayed.close();

    await until(() => app.get(LiveTail).size === 0, 'nobody is followed');
  });

  it('ends when the service stops', async () => {
    const tail = await follow();
    app.get(LiveTail).close();

    await until(() => tail.ended, 'the answer ended');
    expect((await get(path('?follow=sse'))).status).toBe(503);
  });
});
