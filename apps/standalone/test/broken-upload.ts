import { once } from 'node:events';
import { request } from 'node:http';
import type { Client } from './client.js';

/** Begins to upload 10 MB, sends `bytes` of them and hangs up as soon as `arrived`. */
export async function hangUp(
  { base, key }: Client,
  bytes: Buffer,
  arrived: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const upload = request(`${base}/api/v1/plugins/upload`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'multipart/form-data; boundary=b',
      'content-length': 10_000_000,
    },
  });
  // Node tells the one who hangs up that the other side did.
  const hungUp = once(upload, 'error');
  const head = `--b\r\ncontent-disposition: form-data; name="file"; filename="p.zip"\r\n\r\n`;
  await new Promise((sent) => upload.write(Buffer.concat([Buffer.from(head), bytes]), sent));
  await arrived();
  upload.destroy();
  await hungUp;
}
