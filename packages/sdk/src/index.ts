export { definePlugin, type Handler, type Plugin } from './define-plugin.js';
export { type Http, type HttpAnswer, type HttpHeaders, type HttpInit } from './http.js';
export {
  type Cache,
  type CloudEvent,
  type Context,
  type Events,
  type JobTick,
  type Json,
  type KeyPage,
  type Limits,
  type Log,
  type LogMethod,
  type PluginError,
  type Secrets,
  type Storage,
  type Trigger,
  type TriggerKind,
} from './context.js';
