import { headers as names, type EventDefinition } from '@mortise/contracts';
import { AppError } from '@mortise/service-kit';
import {
  BaseRpcContext,
  Server,
  type CustomTransportStrategy,
  type MessageHandler,
} from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { findBadHandler, type DeclaredHandler } from '../boot-check.js';
import type { Bus } from '../bus.js';
import type { BusEvent } from '../record.js';
import type { HandlerExtras } from './decorators.js';

/** Second parameter of a handler (`@Ctx()`): the whole event with its envelope and record. */
export class BusContext extends BaseRpcContext<[BusEvent<object>]> {
  get event(): BusEvent<object> {
    return this.getArgs()[0];
  }
}

interface Declared extends DeclaredHandler {
  definition: EventDefinition;
  callback: MessageHandler;
  isEvent: boolean;
}

const isExtras = (extras: object): extras is HandlerExtras => 'definition' in extras && 'file' in extras;

/**
 * Connects Nest controllers to the bus: `app.connectMicroservice({ strategy: new BusStrategy(bus) })`, then
 * `app.startAllMicroservices()`, then `bus.start()`. One strategy for each app, or every handler runs twice.
 */
export class BusStrategy extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('bus');
  // Errors travel to the engine, which retries; Nest need not log each of them.
  override readonly propagatesEventHandlerErrors = true;
  private readonly declared: Declared[] = [];

  constructor(private readonly bus: Bus) {
    super();
  }

  override addHandler(
    pattern: unknown,
    callback: MessageHandler,
    isEvent = false,
    extras: Record<string, unknown> = {},
  ): void {
    const handler: object = extras;
    if (!isExtras(handler))
      throw new Error(
        `A handler of ${JSON.stringify(pattern)} is not declared with @OnEvent or @OnCommand: nothing would call it`,
      );
    const { definition, group, file } = handler;
    this.declared.push({
      definition,
      type: definition.type,
      topic: definition.topic,
      group: group ?? this.bus.service,
      where: file,
      callback,
      isEvent,
    });
    super.addHandler(`${group ?? ''} ${definition.type}`, callback, isEvent, extras);
  }

  /** @throws Error naming the file to fix: unknown event, two handlers of one group */
  listen(listening: (error?: unknown) => void): void {
    const problem = findBadHandler(this.declared);
    if (problem) throw new Error(problem);
    for (const { definition, callback, isEvent, group } of this.declared) {
      const handle = isEvent ? this.toEvent(callback) : this.toCommand(callback);
      this.bus.on(definition, handle, { group });
    }
    listening();
  }

  private toEvent(callback: MessageHandler): (event: BusEvent<object>) => Promise<void> {
    return async (event) => {
      await this.call(callback, event);
    };
  }

  private toCommand(callback: MessageHandler): (event: BusEvent<object>) => Promise<void> {
    return async (event) => {
      try {
        const answer: unknown = await this.call(callback, event);
        this.bus.reply(event.record, Buffer.from(JSON.stringify(answer ?? null)), {
          [names.status]: 'succeeded',
        });
      } catch (error) {
        // Whoever asked gets what cannot be cured; the rest is tried again while the key waits.
        if (!(error instanceof AppError) || error.retry || !event.record.headers[names.correlationId])
          throw error;
        const { code, details, errors } = error;
        const refusal = Buffer.from(JSON.stringify({ code, details, errors }));
        this.bus.reply(event.record, refusal, { [names.status]: 'refused' });
      }
    };
  }

  private call(callback: MessageHandler, event: BusEvent<object>): Promise<unknown> {
    const context = new BusContext([event]);
    // Nest's hook need not return the promise it is given: the outcome must not depend on it.
    return new Promise((resolve, reject) => {
      this.runWithProcessingHooks(context, async (ended) => {
        await this.outcomeOf(callback, event, context).then(resolve, reject);
        ended();
      });
    });
  }

  private async outcomeOf(
    callback: MessageHandler,
    event: BusEvent<object>,
    context: BusContext,
  ): Promise<unknown> {
    const result: unknown = await callback(event.data, context);
    return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;
  }

  close(): void {}

  on(): never {
    throw new Error('the bus has no events of its own to listen to');
  }

  unwrap<T>(): T {
    return this.bus as unknown as T;
  }
}
