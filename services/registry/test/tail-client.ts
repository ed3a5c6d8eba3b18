import type { LogLineDto } from '@mortise/contracts';

/** A client of a live tail: collects what comes. */
export class TailClient {
  readonly lines: LogLineDto[] = [];
  /** Ids of the lines, in the order they came. */
  readonly ids: (string | undefined)[] = [];
  ended = false;

  private constructor(
    readonly contentType: string | null,
    private readonly end: AbortController,
  ) {}

  static async open(url: string, headers: Record<string, string>): Promise<TailClient> {
    const end = new AbortController();
    const answer = await fetch(url, { headers, signal: end.signal });
    const client = new TailClient(answer.headers.get('content-type'), end);
    void client.read(answer).catch(() => {
      client.ended = true;
    });
    return client;
  }

  get lastId(): string | undefined {
    return this.ids.at(-1);
  }

  get numbers(): number[] {
    return this.lines.map(({ message }) => Number(message));
  }

  close(): void {
    this.end.abort();
  }

  private async read(answer: Response): Promise<void> {
    let rest = '';
    for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const messages = (rest + chunk).split('\n\n');
      rest = messages.pop() ?? '';
      for (const message of messages) this.take(message);
    }
    this.ended = true;
  }

  private take(message: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(message)?.[1];
    const data = field('data');
    if (field('event') !== 'log' || data === undefined) return;
    this.ids.push(field('id'));
    this.lines.push(JSON.parse(data) as LogLineDto);
  }
}
