export { start } from './start.js';
export { gatewayEnv, type GatewayEnv } from './env.js';
export { migrations } from './migrations/set.js';
export { snapshot } from './tenants/tenant-snapshot.js';
export { bootstrap, type BootstrapOptions } from './bootstrap.js';
export { openApiDocument, type OpenApiDocument } from './openapi/document.js';
export { dtoSchemas, type Schema } from './openapi/schemas.js';
export { entities } from './entities.js';
export { newKey } from './credentials/key.js';
