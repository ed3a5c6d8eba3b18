import { spawn } from 'node:child_process';
import { deploy } from '../api.ts';
import { interleave, type Figure } from '../figure.ts';
import { httpRate } from '../http-rate.ts';
import { freePort, sharedPlatform } from '../platform.ts';

const echo = `require('node:http').createServer((q, r) => { let t = ''; q.setEncoding('utf8').on('data', (c) => (t += c)).on('end', () => { r.setHeader('content-type', 'application/json'); r.end(t); }); }).listen(Number(process.argv[1]), '127.0.0.1')`;

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
          httpRate(`${platform.url}/api/v1/installations/${id}/execute`, {
            authorization: `Bearer ${platform.key}`,
          }),
        () => httpRate(`http://127.0.0.1:${port}/`),
      );
    } finally {
      floor.kill();
    }
  },
};
