import { spawn } from 'node:child_process';
import autocannon from 'autocannon';
import { deploy } from '../api.ts';
import { interleave, type Figure } from '../figure.ts';
import { freePort, sharedPlatform } from '../platform.ts';

const body = JSON.stringify({
  function: 'run',
  input: { id: 'evt_1', type: 'record.created', tags: ['x', 'y'], name: 'hello world 12345' },
});
const echo = `require('node:http').createServer((q, r) => { let t = ''; q.setEncoding('utf8').on('data', (c) => (t += c)).on('end', () => { r.setHeader('content-type', 'application/json'); r.end(t); }); }).listen(Number(process.argv[1]), '127.0.0.1')`;

const rate = async (url: string, headers: Record<string, string> = {}): Promise<number> => {
  const result = await autocannon({
    url,
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
    connections: 16,
    duration: 3,
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} answers were not 2xx, ${result.errors} failed`);
  return result.requests.average;
};

export const httpExecute: Figure = {
  id: 'P4',
  what: 'HTTP execute, embedded, 16 callers (no quota yet)',
  unit: 'req/s',
  reference: 'node:http echo of the same body',
  target: '>= 0.70x',
  ok: ({ ratio }) => ratio >= 0.7,
  async measure() {
    const platform = await sharedPlatform();
    const id = await deploy(platform);
    const port = await freePort();
    const floor = spawn(process.execPath, ['-e', echo, String(port)], { stdio: 'inherit' });
    try {
      return await interleave(
        5,
        () =>
          rate(`${platform.url}/api/v1/installations/${id}/execute`, {
            authorization: `Bearer ${platform.key}`,
          }),
        () => rate(`http://127.0.0.1:${port}/`),
      );
    } finally {
      floor.kill();
    }
  },
};
