import { Grant } from './grants/grant.entity.js';
import { Installation } from './installations/installation.entity.js';
import { Plugin } from './plugins/plugin.entity.js';
import { Version } from './versions/version.entity.js';

/** The aggregates that TypeORM maps. */
export const entities = [Plugin, Version, Installation, Grant];
