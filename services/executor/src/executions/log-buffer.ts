import type { Redactor } from '@mortise/capabilities';
import type { LogLine } from '@mortise/contracts';
import type { Clock } from '@mortise/service-kit';
import { storable, storableValue } from './storable.js';

const linesPerBatch = 100;
/** A line of a long run is seen by the live tail this long after it was written, at most. */
const lingerMs = 500;

interface Written {
  level: LogLine['level'];
  message: string;
  fields?: Record<string, unknown>;
}

/** Collects what one execution logs, masked, and hands it on in batches. */
export class LogBuffer {
  private lines: LogLine[] = [];
  private sequence = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly redactor: Redactor,
    private readonly hand: (lines: LogLine[]) => void,
  ) {}

  write(line: Written): void {
    const { redactor } = this;
    this.lines.push({
      at: new Date(this.clock.now()).toISOString(),
      sequence: this.sequence++,
      level: line.level,
      message: storable(redactor.text(line.message)),
      ...(line.fields && { fields: storableValue(redactor.value(line.fields)) }),
    });
    if (this.lines.length >= linesPerBatch) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), lingerMs);
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.lines.length === 0) return;
    this.hand(this.lines);
    this.lines = [];
  }
}
