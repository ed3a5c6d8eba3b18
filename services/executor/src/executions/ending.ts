/** Tells what was begun for a run that the run has ended. Most runs begin nothing and never make the signal. */
export class Ending {
  private controller: AbortController | undefined;
  private over = false;

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.over) this.controller.abort();
    return this.controller.signal;
  }

  come(): void {
    this.over = true;
    this.controller?.abort();
  }
}
