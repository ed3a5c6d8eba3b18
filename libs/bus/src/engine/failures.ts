import { topic as definitionOf, type ServiceName, type TopicName } from '@mortise/contracts';
import { AppError, metrics, type Clock, type Logger } from '@mortise/service-kit';
import { groupLabel } from '../readings.js';
import type { BusRecord, Parking, Received } from '../record.js';
import { deadLetter, parkedTimes, withParked } from './dead-letter.js';
import { parkDelayMs, retryDelayMs, type RetryPolicy, type Timers } from './timing.js';

const parkedRecords = metrics.counter('mortise_bus_parked_total');
const deadLetters = metrics.counter('mortise_bus_dead_letters_total');
const retries = metrics.counter('mortise_bus_retries_total');

export interface FailureOptions {
  service: ServiceName;
  topic: TopicName;
  group: string;
  /** A solo group only logs: every instance would send the same dead letter. */
  solo: boolean;
  policy: RetryPolicy;
  clock: Clock;
  timers: Timers;
  /** From 0 to 1, spreads the retries of many records. */
  random: () => number;
  logger: Logger;
  /** Asked late: an outbox is made after the bus. */
  parking: () => Parking | undefined;
  send: (records: BusRecord[]) => Promise<void>;
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What becomes of a record whose handler failed. */
export class Failures {
  private stopped = false;
  private readonly labels: { group: string; topic: string };

  constructor(private readonly options: FailureOptions) {
    this.labels = { group: groupLabel(options.group), topic: options.topic };
    // An alert on their increase misses the first of a series that is not there before.
    if (!options.solo)
      for (const counter of [retries, parkedRecords, deadLetters]) counter.add(0, this.labels);
  }

  get timers(): Timers {
    return this.options.timers;
  }

  now(): number {
    return this.options.clock.now();
  }

  /** False: the same record will fail again whenever it is tried. */
  isRetryable(error: unknown): boolean {
    return !(error instanceof AppError) || error.retry;
  }

  /** Delay before the next try in place, or undefined when the error or the time says to give up. */
  nextDelayMs(error: unknown, failures: number, firstFailureMs: number): number | undefined {
    if (!this.isRetryable(error)) return undefined;
    const { policy, random } = this.options;
    const delayMs = retryDelayMs(policy, failures, random());
    if (this.now() + delayMs - firstFailureMs > policy.totalMs) return undefined;
    retries.add(1, this.labels);
    return delayMs;
  }

  /**
   * Parks the record or sends it to the dead letters, trying until one of them has it.
   * @returns false when the bus was stopped first: the record then counts as not handled
   */
  async giveUp(record: Received, error: unknown): Promise<boolean> {
    for (let failures = 1; !this.stopped; failures++) {
      try {
        await this.putAside(record, error);
        return true;
      } catch (problem) {
        this.options.logger.error(
          { group: this.options.group, topic: record.topic, offset: record.offset, err: problem },
          'a failed record could not be put aside yet',
        );
        await this.pause(Math.min(5_000, retryDelayMs(this.options.policy, failures, 0.5)));
      }
    }
    return false;
  }

  /** As `giveUp`, for a record whose handler never answered; what nobody needs delivered is let go. */
  async putHungAside(record: Received): Promise<boolean> {
    const { group, solo, logger } = this.options;
    const facts = { group, topic: record.topic, partition: record.partition, offset: record.offset };
    logger.warn(facts, 'a handler has not answered for a minute: its partition goes on without it');
    if (solo || !definitionOf(record.topic).durable) return true;
    return this.giveUp(record, new Error('its handler did not answer within a minute'));
  }

  private async putAside(record: Received, error: unknown): Promise<void> {
    const { policy, group, service, solo, logger } = this.options;
    const facts = { group, topic: record.topic, partition: record.partition, offset: record.offset };
    const reason = reasonOf(error);
    const times = parkedTimes(record) + 1;
    const parking = solo ? undefined : this.options.parking();
    const mayPark = parking !== undefined && this.isRetryable(error) && times <= policy.maxParked;
    // A dead letter of a dead letter would go round in circles.
    if (solo || (!mayPark && record.topic.startsWith('dead-letters.'))) {
      logger.error({ ...facts, reason }, 'record skipped');
      return;
    }
    if (mayPark) {
      const dueAt = this.now() + parkDelayMs(policy, times);
      await parking.park({
        record: withParked(record, times),
        group,
        attempt: record.attempt,
        reason,
        dueAt,
      });
      parkedRecords.add(1, this.labels);
      logger.warn({ ...facts, reason, attempts: record.attempt }, 'record parked');
      return;
    }
    await this.options.send([deadLetter(service, group, record, error, this.now())]);
    deadLetters.add(1, this.labels);
    logger.error({ ...facts, reason, attempts: record.attempt }, 'record sent to the dead letters');
  }

  private wake: () => void = () => {};

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.options.timers.after(delayMs, resolve);
      this.wake = () => {
        cancel();
        resolve();
      };
    });
  }

  stop(): void {
    this.stopped = true;
    this.wake();
  }
}
