// Loaded before a service of a fault run (node --import): its clock jumps by what a file says when SIGUSR2 comes.
// Timers go on by the machine's own clock, as they do when an operator sets the time.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const { searchParams } = new URL(import.meta.url);
const file = join(searchParams.get('folder') ?? '', `clock-${searchParams.get('name')}`);
const Real = Date;
let offsetMs = 0;

globalThis.Date = class Date extends Real {
  constructor(...given) {
    if (given.length === 0) super(Real.now() + offsetMs);
    else super(...given);
  }
  static now() {
    return Real.now() + offsetMs;
  }
};

process.on('SIGUSR2', () => {
  offsetMs = Number(readFileSync(file, 'utf8'));
});
