import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

export interface ComposeService {
  image?: string;
  build?: { dockerfile: string; args: { SERVICE: string } };
  command?: string[];
  restart?: string;
  mem_limit?: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  ports?: string[];
  volumes?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
}

interface ComposeFile {
  services: Record<string, ComposeService>;
}

/** docker-compose.yml with its anchors and merges resolved. */
export async function readComposeFile(): Promise<ComposeFile> {
  const text = await readFile(join(import.meta.dirname, '..', '..', 'docker-compose.yml'), 'utf8');
  return parse(text, { merge: true }) as ComposeFile;
}
