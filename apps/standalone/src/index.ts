export { standaloneEnv, type StandaloneEnv } from './env.js';
