import { capability } from './capability.js';

/** The installation's configuration as it is now; `ctx.config` is the copy made when the execution began. */
export const configGet = capability({
  name: 'config.get',
  permission: 'config:read',
  run: (_args, { scope }) => Promise.resolve(scope.installation.config),
});
