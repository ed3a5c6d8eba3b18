import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { run } from './program.js';

const letter = {
  id: '0190a000-0000-8000-8000-000000000001',
  status: 'waiting',
  service: 'executor',
  topic: 'plugin-lifecycle',
  code: 'CONFLICT',
  reason: 'no such column',
  deadAt: '2026-01-01T00:00:00.000Z',
};

describe('mortise dead-letters', () => {
  let server: Server;
  let folder: string;
  let asked: string[];
  let answer: { status: number; body: object };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mortise-cli-'));
    await writeFile(join(folder, 'key'), 'mk_of_the_operator\n');
    server = createServer((request, response) => {
      void text(request).then((body) => {
        asked.push(`${request.headers.authorization} ${request.method} ${request.url} ${body}`.trim());
        response.writeHead(answer.status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(answer.body));
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => {
    asked = [];
    answer = { status: 200, body: { changed: 2, more: true } };
  });

  async function mortise(...args: string[]) {
    const { port } = server.address() as AddressInfo;
    const said: string[] = [];
    const access = ['--url', `http://127.0.0.1:${port}/`, '--key-file', join(folder, 'key')];
    const code = await run(['dead-letters', ...args, ...access], {
      out: (line) => void said.push(line),
      error: (line) => void said.push(line),
    });
    return { code, said: said.join('') };
  }
  const api = 'Bearer mk_of_the_operator';

  it('lists a line for each that fits', async () => {
    answer.body = { data: [letter], page: { next: null, prev: null, limit: 50 } };

    const { code, said } = await mortise('list', '--service', 'executor', '--status', 'waiting');

    expect(asked).toEqual([`${api} GET /api/v1/dead-letters?service=executor&status=waiting`]);
    expect([code, said]).toEqual([
      0,
      `${letter.id}  ${letter.deadAt}  waiting  executor/plugin-lifecycle  CONFLICT  no such column\n`,
    ]);
  });

  it('shows one whole', async () => {
    answer.body = letter;

    const { said } = await mortise('show', letter.id);

    expect(asked).toEqual([`${api} GET /api/v1/dead-letters/${letter.id}`]);
    expect(JSON.parse(said)).toEqual(letter);
  });

  it('replays those named, discards all that fit, and nothing by accident', async () => {
    const replayed = await mortise('replay', letter.id);
    const discarded = await mortise('discard', '--all', '--code', 'CONFLICT', '--limit', '7');
    const neither = await mortise('replay');

    expect(asked).toEqual([
      `${api} POST /api/v1/dead-letters/replay {"ids":["${letter.id}"]}`,
      `${api} POST /api/v1/dead-letters/discard {"code":"CONFLICT","limit":7}`,
    ]);
    expect([replayed.said, discarded.said]).toEqual([
      '2 replayed, more wait: ask again\n',
      '2 discarded, more wait: ask again\n',
    ]);
    expect(neither).toEqual({ code: 1, said: 'name what to replay, or say --all\n' });
  });

  it('says what the platform refused', async () => {
    answer = { status: 403, body: { code: 'FORBIDDEN', detail: 'Not for you' } };

    expect(await mortise('show', letter.id)).toEqual({ code: 1, said: 'FORBIDDEN: Not for you\n' });
  });
});
