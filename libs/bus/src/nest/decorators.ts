import { applyDecorators, Catch, UseFilters, type RpcExceptionFilter } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import type { EventDefinition } from '@mortise/contracts';
import { throwError, type Observable } from 'rxjs';

/** What a decorated method tells the strategy. */
export interface HandlerExtras {
  definition: EventDefinition;
  group: string | undefined;
  file: string;
}

// Nest's own filter would turn every error into "Internal server error", and the retry could not tell them apart.
@Catch()
class RethrowFilter implements RpcExceptionFilter<unknown> {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/** The file that called the decorator, as it is named in the sources: the one to fix when boot refuses a handler. */
function callerFile(): string {
  const frames = new Error().stack?.split('\n').slice(1) ?? [];
  const paths = frames.map(
    (frame) => /\(?(?:file:\/\/)?(\/[^():]+?\.[jt]s)(?:\?[^:]*)?:\d+:\d+\)?$/.exec(frame)?.[1],
  );
  const own = paths[0];
  const path = paths.find((candidate) => candidate !== undefined && candidate !== own);
  if (path === undefined) return 'a handler';
  const root = /\/((?:libs|services|apps|packages)\/.*)$/.exec(path)?.[1] ?? path;
  return root.replace('/dist/', '/src/').replace(/\.js$/, '.ts');
}

const extrasOf = (definition: EventDefinition, group: string | undefined, file: string) =>
  ({ definition, group, file }) satisfies HandlerExtras;

/**
 * Handles an event: the method gets its data, and with `@Payload() data, @Ctx() context: BusContext` the whole event, too. A throw is
 * retried, an AppError with retry false goes to the dead letters at once.
 */
export function OnEvent<T extends object>(
  definition: EventDefinition<T>,
  options: { group?: string } = {},
): MethodDecorator {
  const extras = extrasOf(definition as unknown as EventDefinition, options.group, callerFile());
  return applyDecorators(EventPattern<string>(definition.type, extras), UseFilters(new RethrowFilter()));
}

/** Handles a command: as `@OnEvent`, and what the method returns is the reply, as JSON, when one was asked for. */
export function OnCommand<T extends object>(
  definition: EventDefinition<T>,
  options: { group?: string } = {},
): MethodDecorator {
  const extras = extrasOf(definition as unknown as EventDefinition, options.group, callerFile());
  return applyDecorators(MessagePattern(definition.type, extras), UseFilters(new RethrowFilter()));
}
