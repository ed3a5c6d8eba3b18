/**
 * Collects what is asked for within one turn of the event loop and does it at once: many callers, one statement.
 * While a batch runs the next one gathers, so that a busy database makes batches larger, not queues longer.
 */
export class Batcher<Item, Answer> {
  private waiting: { item: Item; resolve: (answer: Answer) => void; reject: (error: unknown) => void }[] = [];
  private running = false;

  /** @param work answers every item, in the order given; a throw rejects all of the batch */
  constructor(
    private readonly work: (items: Item[]) => Promise<Answer[]>,
    private readonly maxBatch = 500,
  ) {}

  add(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (!this.running) this.schedule();
    });
  }

  private schedule(): void {
    this.running = true;
    setImmediate(() => void this.run());
  }

  private async run(): Promise<void> {
    const batch = this.waiting.splice(0, this.maxBatch);
    try {
      const answers = await this.work(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => resolve(answers[index] as Answer));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    if (this.waiting.length > 0) this.schedule();
    else this.running = false;
  }
}
