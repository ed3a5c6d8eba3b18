export { definePlugin, type Handler, type Plugin } from './define-plugin.js';
export {
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
