import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median, type Figure } from '../figure.ts';

const program = fileURLToPath(new URL('../inside.ts', import.meta.url));

/** In a process of its own, as a worker is: what this one has compiled and collected says nothing about it. */
export const inside: Figure = {
  id: 'P1',
  what: 'warm call inside a worker, 100 B JSON, accounting on',
  unit: 'us',
  reference: 'bare function + JSON',
  target: '<= 4x',
  ok: ({ ratio }) => ratio <= 4,
  async measure() {
    const child = spawn(process.execPath, ['--no-node-snapshot', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await once(child, 'close');
    const rounds = JSON.parse(text) as { value: number; reference: number }[];
    return {
      value: median(rounds.map(({ value }) => value)),
      referenceValue: median(rounds.map(({ reference }) => reference)),
      rounds,
    };
  },
};
