import type { Context } from './context.js';

/** A function of a plugin. What it returns has to be JSON; undefined becomes null. */
export type Handler<Input = unknown, Output = unknown, Config = Record<string, never>> = (
  input: Input,
  ctx: Context<Config>,
) => Output | Promise<Output>;

// Inputs differ from function to function; `never` accepts a handler of any.
type AnyHandler = (input: never, ctx: Context<never>) => unknown;

/** A plugin's code: the handlers that its manifest names. */
export interface Plugin<Functions extends Record<string, AnyHandler> = Record<string, AnyHandler>> {
  functions: Functions;
}

/**
 * Describes a plugin; the result is the main file's default export. It only gives types and leaves the value as it is.
 * @example
 * export default definePlugin({
 *   functions: {
 *     greet: (input: { name: string }, ctx: Context<{ greeting: string }>) => `${ctx.config.greeting}, ${input.name}`,
 *   },
 * });
 */
export const definePlugin = <const Functions extends Record<string, AnyHandler>>(
  plugin: Plugin<Functions>,
): Plugin<Functions> => plugin;
