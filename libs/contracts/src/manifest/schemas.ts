import manifestSchemaJson from './plugin.schema.json' with { type: 'json' };
import webhookSchemaJson from './webhook.schema.json' with { type: 'json' };

/** JSON Schema (2020-12) of manifest v1. */
export const manifestSchema: object = manifestSchemaJson;
/** JSON Schema (2020-12) of a webhook file. */
export const webhookSchema: object = webhookSchemaJson;
