import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { request, Scene } from '../../test/scene.js';

const api = 'https://api.example.com';
const value = 's3cret/valué +&?#%"x';

describe('a secret in a request', () => {
  let scene: Scene;
  let seen: { url: string | undefined; headers: NodeJS.Dict<string | string[]> }[];
  beforeAll(async () => {
    scene = await Scene.start();
  });
  afterAll(() => scene.close());
  beforeEach(() => {
    seen = [];
    scene.connections.length = 0;
    scene.handler = (incoming, response) => {
      seen.push({ url: incoming.url, headers: incoming.headers });
      response.end('ok');
    };
  });

  const execution = (
    secrets: Record<string, string> = { TOKEN: 'tok-12345678', ODD: value },
    allow = ['*.example.com'],
  ) => {
    const run = scene.execution(allow, { secretKeys: ['TOKEN', 'ODD', 'LATER'] });
    for (const [key, secret] of Object.entries(secrets)) run.secrets.set(key, secret);
    return run;
  };

  it('is filled in on its way out, in headers, path and query', async () => {
    const run = execution();

    const answer = await request(run, `${api}/bot{{secret:TOKEN}}/x?key={{secret:ODD}}&a={{secret:TOKEN}}`, {
      headers: [['authorization', 'Bearer {{secret:TOKEN}}']],
    });

    expect(seen[0]?.url).toBe(`/bottok-12345678/x?key=${encodeURIComponent(value)}&a=tok-12345678`);
    expect(seen[0]?.headers.authorization).toBe('Bearer tok-12345678');
    expect(answer.url).toBe(`${api}/bot***/x?key=***&a=***`);
  });

  it('cannot end a part of the URL and begin another', async () => {
    await request(execution({ TOKEN: '../../admin?x=1#y' }), `${api}/v1/%7B%7Bsecret:TOKEN%7D%7D/z`);

    expect(seen[0]?.url).toBe('/v1/..%2F..%2Fadmin%3Fx=1%23y/z');
  });

  it('is refused when it would break the message, is not declared, or not set', async () => {
    const headers = [['x-a', '{{secret:TOKEN}}']];
    const breaking = request(execution({ TOKEN: 'a\r\nx-b: 1' }), api, { headers });
    const later = request(execution(), `${api}/{{secret:LATER}}`);
    const undeclared = request(execution(), `${api}/{{secret:OTHER}}`);

    await expect(breaking).rejects.toMatchObject({ guest: { code: 'INVALID_REQUEST' } });
    await expect(later).rejects.toMatchObject({
      guest: { code: 'SECRET_NOT_SET', details: { key: 'LATER' } },
    });
    await expect(undeclared).rejects.toMatchObject({ outcome: 'security_violation' });
    expect(seen).toEqual([]);
  });

  it('goes to no host off the list, and not over plain http', async () => {
    const run = execution({ TOKEN: 'tok-12345678' }, ['api.example.com:80']);
    const headers = [['x-a', '{{secret:TOKEN}}']];

    await expect(request(run, 'https://evil.test/{{secret:TOKEN}}')).rejects.toMatchObject({
      outcome: 'security_violation',
    });
    await expect(request(run, 'http://api.example.com/', { headers })).rejects.toMatchObject({
      guest: { message: 'A secret is not sent over plain http' },
    });
    expect(scene.connections).toEqual([]);
  });

  it('stays behind when a redirect leads elsewhere, and a server cannot ask for one', async () => {
    scene.handler = (incoming, response) => {
      seen.push({ url: incoming.url, headers: incoming.headers });
      if (incoming.url === '/') {
        response
          .writeHead(302, { location: 'https://cdn.example.com/{{secret:ODD}}?{{secret:TOKEN}}' })
          .end();
      } else response.end('ok');
    };

    await request(execution(), api, {
      headers: [
        ['x-key', '{{secret:TOKEN}}'],
        ['x-other', 'kept'],
      ],
    });

    expect(seen[1]?.url).toBe('/%7B%7Bsecret:ODD%7D%7D?{{secret:TOKEN}}');
    expect(seen[1]?.headers).toMatchObject({ 'x-other': 'kept' });
    expect(seen[1]?.headers).not.toHaveProperty('x-key');
  });

  it('comes back masked in whatever the server echoes, wherever the pieces are cut', async () => {
    const basic = (user: string) => Buffer.from(`${user}:tok-12345678`).toString('base64');
    const echo = [
      'raw tok-12345678;',
      encodeURIComponent(value),
      JSON.stringify({ value }),
      basic('a'),
      basic('ab'),
      basic('abc'),
      'tok-1234567 stays, and so does the rest',
    ].join('\n');
    scene.handler = (incoming, response) => {
      response.setHeader('x-echo', incoming.headers['x-a'] ?? '');
      response.statusMessage = 'tok-12345678';
      for (const byte of Buffer.from(echo)) response.write(Buffer.from([byte]));
      response.end();
    };
    const run = execution();

    const answer = await request(run, `${api}/?{{secret:ODD}}`, {
      id: 1,
      headers: [['x-a', '{{secret:TOKEN}}']],
    });
    let text = answer.body?.text ?? '';
    for (let done = answer.body?.done; !done;) {
      const piece = (await run.call('http.read', { id: 1 })) as { text?: string; done: boolean };
      text += piece.text ?? '';
      done = piece.done;
    }

    expect(answer).toMatchObject({ statusText: '***' });
    expect(answer.headers).toContainEqual(['x-echo', '***']);
    expect(text).not.toMatch(/tok-12345678|dG9rLTEyMzQ1Njc4/);
    expect(text).not.toContain(basic('a').slice(4, 16));
    expect(text).toContain('raw ***;');
    expect(text).toContain('{"value":"***"}');
    expect(text).toContain('tok-1234567 stays, and so does the rest');
  });

  it('is known to the redactor, encoded too', async () => {
    const run = execution();
    await request(run, api, { headers: [['authorization', 'Bearer {{secret:TOKEN}}']] });

    const { redactor } = run.scope;

    expect(redactor.text(`tok-12345678 ${Buffer.from('tok-12345678').toString('base64')}`)).toBe('*** ***');
  });
});
