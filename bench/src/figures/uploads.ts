import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { archive, upload } from '../api.ts';
import { repeat, type Figure } from '../figure.ts';
import { sharedPlatform } from '../platform.ts';

const main = 'export function run(input) { return input }';
const rssMb = async (pid: number) =>
  (Number((await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')[1]) * 4096) / 1_048_576;

/** Random bytes do not pack, so the archive is as large as what is in it. */
const packageOf = (bytes: number): Buffer => {
  const files: Record<string, Buffer> = {};
  for (let left = bytes, index = 0; left > 0; left -= 8_000_000, index++)
    files[`assets/${index}.png`] = randomBytes(Math.min(left, 8_000_000));
  return archive(main, files);
};

export const largeUpload: Figure = {
  id: 'P18',
  what: '50 MB package: upload, validate, store (no scan yet)',
  unit: 's',
  target: '<= 4 s, RSS growth <= 64 MB',
  ok: ({ value }) => value <= 4,
  async measure() {
    const platform = await sharedPlatform();
    const growths: number[] = [];
    const measured = await repeat(5, async () => {
      const bytes = packageOf(49_500_000);
      const before = await rssMb(platform.pid);
      let peak = before;
      const watch = setInterval(() => void rssMb(platform.pid).then((mb) => (peak = Math.max(peak, mb))), 20);
      const started = performance.now();
      await upload(platform, bytes);
      const seconds = (performance.now() - started) / 1000;
      clearInterval(watch);
      growths.push(peak - before);
      return seconds;
    });
    return {
      ...measured,
      note: `RSS of the platform's process grew by at most ${Math.max(...growths.slice(1)).toFixed(0)} MB`,
    };
  },
};

export const uploadRate: Figure = {
  id: 'P19',
  what: 'uploads of 100 KB packages, 8 callers',
  unit: 'per minute',
  target: '>= 1,500',
  ok: ({ value }) => value >= 1_500,
  async measure() {
    const platform = await sharedPlatform();
    return repeat(5, async () => {
      const packages = Array.from({ length: 80 }, () => packageOf(100_000));
      const started = performance.now();
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          for (let bytes = packages.pop(); bytes; bytes = packages.pop()) await upload(platform, bytes);
        }),
      );
      return (80 / (performance.now() - started)) * 60_000;
    });
  },
};
