import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { request, Scene } from '../../test/scene.js';

interface UrlCase {
  id: string;
  title: string;
  url: string;
  /** `*` stands for any host: what blocks is not the list. */
  allow: string[];
  dns: Record<string, string[][]>;
  method?: string;
  headers?: Record<string, string>;
  expect: { outcome: string };
}

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../attacks/${name}.json`, import.meta.url), 'utf8')) as UrlCase[];

describe('hostile requests', () => {
  let scene: Scene;
  let received: Record<string, unknown>[];
  beforeAll(async () => {
    scene = await Scene.start();
    scene.handler = (incoming, response) => {
      received.push({ ...incoming.headers });
      response.end('reached');
    };
  });
  afterAll(() => scene.close());

  it.each([...read('url'), ...read('url-own')].map((each) => [each.id, each.title, each] as const))(
    '%s: %s',
    async (_id, _title, { url, allow, dns, method, headers, expect: { outcome } }) => {
      received = [];
      scene.connections.length = 0;
      scene.dns.clear();
      for (const [name, answers] of Object.entries(dns)) scene.dns.set(name.replace(/\.$/, ''), answers);
      const execution = scene.execution(anyHost(allow, url));

      const answer = await request(execution, url, { method, headers: Object.entries(headers ?? {}) }).catch(
        (error: unknown) => error as { guest: { code: string; message: string } },
      );

      const isBlocked = 'guest' in answer;
      if (outcome === 'allowed') expect(isBlocked).toBe(false);
      if (outcome === 'blocked') expect(isBlocked).toBe(true);
      if (outcome === 'header-dropped') {
        for (const name of Object.keys(headers ?? {}))
          expect(received[0]?.[name.toLowerCase()]).not.toBe(headers?.[name]);
      }
      // Whatever the outcome: nothing else is connected to, and nobody learns an address.
      expect(scene.connections).toEqual(isBlocked ? [] : [expect.stringMatching(/^93\.184\.215\.14:443$/)]);
      const addresses = Object.values(dns).flat(2);
      if (isBlocked)
        for (const address of addresses) expect(JSON.stringify(answer.guest)).not.toContain(address);
    },
  );
});

function anyHost(allow: string[], url: string): string[] {
  if (!allow.includes('*') || !URL.canParse(url)) return allow;
  const { hostname, port } = new URL(url);
  return [hostname, `${hostname}:${port || 80}`];
}
