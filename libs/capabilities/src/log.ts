import type { Redactor } from './redactor.js';

/** A line as a plugin wrote it. */
export interface PluginLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
  fields?: Record<string, unknown>;
}

/** The host side of `ctx.log`: what of a line may be kept. Levels, counts and sizes are the sandbox's. */
export function cleanLine(line: PluginLine, redactor: Redactor): PluginLine {
  if (redactor.empty) return line;
  return {
    level: line.level,
    message: redactor.text(line.message),
    ...(line.fields && { fields: redactor.value(line.fields) }),
  };
}
