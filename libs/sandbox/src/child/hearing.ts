import type { Cell, Run } from './cell.js';
import type { Instance, Tell } from './engine.js';
import { frameType, type FrameWriter } from './frames.js';
import { readNumbers } from './numbers.js';
import type { Runs } from './runs.js';
import { clearTimer, setTimer } from './timers.js';

/**
 * What an entry has said. The bridge's own code has to be stopped nowhere, so it is entered without a time limit, which
 * costs as much again.
 */
export const collected = (instance: Instance | undefined): string | undefined =>
  instance?.collect.applySync(undefined, []) as unknown as string | undefined;

/** Hears what the bridges in isolates say, and does it. */
export class Hearing {
  readonly #runs: Runs;
  readonly #writer: FrameWriter;
  readonly #fire: (run: Run, timer: number) => void;
  readonly #head = [0, 0];
  /** What the entry under way has told at once: number and message in turn. */
  #told: (number | string)[] = [];

  /** @param fire enters a run for a timer of its own */
  constructor(runs: Runs, writer: FrameWriter, fire: (run: Run, timer: number) => void) {
    this.#runs = runs;
    this.#writer = writer;
    this.#fire = fire;
  }

  /** Called on the plugin's stack, which may be almost full: it does nothing that could stop halfway. */
  readonly tell: Tell = (run, message) => {
    this.#told.push(run, message);
  };

  /** Forgets what was told and is not to count. */
  forget(): void {
    this.#told.length = 0;
  }

  /** Does what the entry has asked for, in its order. */
  heed(cell: Cell, said: string): void {
    this.heedTold(cell);
    const head = this.#head;
    for (let at = 0; at < said.length;) {
      const textAt = readNumbers(said, at, head);
      const [no = 0, length = 0] = head;
      at = textAt + length;
      this.#obey(cell, no, said.slice(textAt, at));
    }
  }

  heedTold(cell: Cell): void {
    const told = this.#told;
    for (let at = 0; at < told.length; at += 2) {
      const [no, message] = [told[at], told[at + 1]];
      if (typeof no === 'number' && typeof message === 'string') this.#obey(cell, no, message);
    }
    if (told.length > 1_000) this.#told = [];
    else told.length = 0;
  }

  /**
   * The first letter says what it is; the bridge has the list. Only runs of the isolate that was entered are heard of:
   * whatever number it says, another plugin's run it cannot speak for.
   */
  #obey(cell: Cell, no: number, message: string): void {
    const run = this.#runs.get(no);
    if (run?.cell !== cell) return;
    const text = message.slice(1);
    switch (message.charAt(0)) {
      case 's':
        return this.#runs.done(run, 's', text);
      case 'f':
        return this.#runs.done(run, 'f', text);
      case 'm':
        return this.#runs.done(run, 'm', '');
      case 'v':
        return run.cell.leave(Number(text));
      case 'w':
        run.cell.outsideMb = Math.max(run.cell.outsideMb, Number(text) / 1_048_576);
        return;
      case 'c':
        run.cell.wait(run, 1);
        run.hostCalls++;
        return this.#writer.send(run.no, frameType.call, text);
      case 'g':
        return this.#writer.send(run.no, frameType.log, text);
      case 'l':
        return this.#writer.send(run.no, frameType.limit, text);
      case 't': {
        const [id, delayMs] = text.split(' ').map(Number);
        return setTimer(run, id ?? 0, delayMs ?? 1, () => this.#fire(run, id ?? 0));
      }
      case 'u':
        return clearTimer(run, Number(text));
    }
  }
}
