import type { Clock } from '@mortise/service-kit';

/** Time that stands still until a test moves it. */
export class FakeClock implements Clock {
  /** @param ms milliseconds since 1970, or ISO 8601 */
  constructor(ms: number | string = '2026-01-15T12:00:00.000Z') {
    this.ms = typeof ms === 'number' ? ms : Date.parse(ms);
  }
  private ms: number;

  now(): number {
    return this.ms;
  }

  advance(ms: number): void {
    this.ms += ms;
  }
}
