export { start } from './start.js';
export { gatewayEnv, type GatewayEnv } from './env.js';
export { migrations } from './migrations/set.js';
export { snapshot } from './tenants/tenant-snapshot.js';
export { bootstrap, type Bootstrapped } from './bootstrap.js';
