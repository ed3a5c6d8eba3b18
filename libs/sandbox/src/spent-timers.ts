/** What isolated-vm keeps of an entry's time limit after the entry has come back. Measured: 193 to 197. */
const bytesEach = 200;

/**
 * Each entry into an isolate is under a time limit, and isolated-vm forgets a limit only when its time would have come:
 * a hundred thousand quick runs a second leave 20 MB a second behind until then. Not the plugins' doing, so not theirs
 * to answer for: the entries are counted by the second in which their runs have to end.
 */
export class SpentTimers {
  readonly #bySecond = new Map<number, number>();
  /** Those of the second that was noted last, which are not in the map yet: almost all calls are of one second. */
  #second = 0;
  #count = 0;

  /** An entry of a run. @param deadline of the run, milliseconds since 1970 */
  note(deadline: number): void {
    const second = Math.floor(deadline / 1_000);
    if (second !== this.#second) {
      this.#keep();
      this.#second = second;
    }
    this.#count++;
  }

  /** Memory that they take now. */
  mb(now: number): number {
    this.#keep();
    let count = 0;
    for (const [second, entries] of this.#bySecond) {
      if (second < Math.floor(now / 1_000)) this.#bySecond.delete(second);
      else count += entries;
    }
    return (count * bytesEach) / 1_048_576;
  }

  #keep(): void {
    if (this.#count === 0) return;
    this.#bySecond.set(this.#second, (this.#bySecond.get(this.#second) ?? 0) + this.#count);
    this.#count = 0;
  }
}
