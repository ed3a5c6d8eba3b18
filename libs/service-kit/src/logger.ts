import { openSync } from 'node:fs';
import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

// Keys under which credentials and secrets travel; a value under them never reaches the log.
const secretPaths = [
  'authorization',
  'cookie',
  'apiKey',
  'key',
  'secret',
  'password',
  'token',
  'value',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

const bufferedBytes = 8 * 1_048_576;

/** A JSON logger: facts as fields, one short sentence. */
export const createLogger = (options: {
  service: string;
  level: string;
  /** Path of the log; default: standard output. */
  file?: string;
}): Logger => {
  const destination = pino.destination({
    sync: false,
    // Opened at once: what ends the process before the first line is written would find no file to flush to.
    dest: options.file === undefined ? 1 : openSync(options.file, 'a'),
    maxLength: bufferedBytes,
  });
  // A full disk costs lines of the log, not the process, nor its end: pino's last flush would try for ever.
  destination.on('error', () => (destination.flushSync = () => {}));
  return pino(
    {
      level: options.level,
      base: { service: options.service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths, censor: '[hidden]' },
    },
    destination,
  );
};

/** Nest's own messages through ours; its start-up chatter is debug. */
export const nestLogger = (logger: Logger): LoggerService => ({
  log: (message: unknown, context?: string) => logger.debug({ context }, String(message)),
  debug: (message: unknown, context?: string) => logger.debug({ context }, String(message)),
  verbose: (message: unknown, context?: string) => logger.trace({ context }, String(message)),
  warn: (message: unknown, context?: string) => logger.warn({ context }, String(message)),
  error: (message: unknown, stack?: string, context?: string) =>
    logger.error({ context, stack }, String(message)),
  fatal: (message: unknown, stack?: string, context?: string) =>
    logger.fatal({ context, stack }, String(message)),
});
