import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { asyncApiDocument } from '../asyncapi/document.js';
import { openApiDocument } from '../openapi/document.js';

// The page is all our own: nothing from elsewhere, nothing inline, no frame around it.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const pages = {
  '/docs': { file: 'page.html', type: 'text/html; charset=utf-8' },
  '/docs/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/docs/page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
} as const;

/** /openapi.json with a page that shows it, and /asyncapi.json; all are open to anyone. The root leads there. */
export async function docsRoutes(scope: FastifyInstance): Promise<void> {
  scope.get('/', (_request, reply) => reply.redirect('/docs'));
  serve(scope, '/openapi.json', JSON.stringify(openApiDocument()), 'application/json; charset=utf-8');
  serve(scope, '/asyncapi.json', JSON.stringify(asyncApiDocument()), 'application/json; charset=utf-8');
  for (const [path, { file, type }] of Object.entries(pages))
    serve(scope, path, await readFile(new URL(`./${file}`, import.meta.url), 'utf8'), type);
}

function serve(scope: FastifyInstance, path: string, text: string, type: string): void {
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
  scope.get(path, (request, reply) => {
    void reply
      .header('etag', etag)
      .header('cache-control', 'no-cache')
      .header('content-security-policy', policy)
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer');
    if (request.headers['if-none-match'] === etag) return reply.status(304).send();
    return reply.type(type).send(text);
  });
}
