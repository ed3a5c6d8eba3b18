export { start } from './start.js';
export { registryEnv, type RegistryEnv } from './env.js';
export { migrations } from './migrations/set.js';
export { snapshot } from './state/snapshot.js';
export { entities } from './entities.js';
export { projectExecutions } from './projections/executions-projection.js';
