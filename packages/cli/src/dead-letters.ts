import { readFile } from 'node:fs/promises';
import {
  serviceNames,
  type DeadLetterDetailDto,
  type DeadLetterDto,
  type DeadLettersChangedDto,
  type Page,
} from '@mortise/contracts';
import { Option, type Command } from 'commander';

/** Where a platform is and who asks. */
interface Access {
  url: string;
  key?: string;
  keyFile: string;
}
interface Filter {
  service?: string;
  topic?: string;
  code?: string;
  tenant?: string;
  since?: string;
  limit?: string;
}

/** Adds the commands of an operator for messages that could not be handled. */
export function addDeadLetters(program: Command, say: (line: string) => void): void {
  const letters = program
    .command('dead-letters')
    .description('see, replay or discard messages that could not be handled (needs a platform-admin)');
  const command = (name: string, description: string) =>
    letters
      .command(name)
      .description(description)
      .addOption(
        new Option('--url <url>', 'address of the platform')
          .env('MORTISE_URL')
          .default('http://127.0.0.1:8080'),
      )
      .addOption(new Option('--key <key>', 'API key; better in the variable').env('MORTISE_API_KEY'))
      .option('--key-file <file>', 'where the key stands', '.mortise/admin-key');
  const withFilter = (made: Command) =>
    made
      .addOption(new Option('--service <name>', 'whose handler failed').choices(serviceNames))
      .option('--topic <name>', 'the topic it came from')
      .option('--code <code>', 'code of the error')
      .option('--tenant <id>', 'of this tenant')
      .option('--since <time>', 'that died at or after, ISO 8601')
      .option('--limit <count>', 'at most so many');

  withFilter(command('list', 'newest first'))
    .option('--status <status>', 'waiting, replayed or discarded')
    .action(async (options: Access & Filter & { status?: string }) => {
      const query = new URLSearchParams({
        ...filterOf(options),
        ...(options.status && { status: options.status }),
      });
      const { data } = await call<Page<DeadLetterDto>>(options, 'GET', `?${query.toString()}`);
      for (const one of data)
        say([one.id, one.deadAt, one.status, `${one.service}/${one.topic}`, one.code, one.reason].join('  '));
      if (data.length === 0) say('none');
    });
  command('show', 'headers and bytes of one')
    .argument('<id>')
    .action(async (id: string, options: Access) =>
      say(
        JSON.stringify(
          await call<DeadLetterDetailDto>(options, 'GET', `/${encodeURIComponent(id)}`),
          null,
          2,
        ),
      ),
    );
  for (const verb of ['replay', 'discard'] as const)
    withFilter(command(verb, `${verb} those named, or with --all those that wait and fit`))
      .argument('[ids...]')
      .option('--all', 'all that wait and fit, 100 unless --limit says otherwise')
      .action(async (ids: string[], options: Access & Filter & { all?: true }) => {
        if (ids.length === 0 && !options.all) throw new Error(`name what to ${verb}, or say --all`);
        const { limit, ...filter } = filterOf(options);
        const body = {
          ...filter,
          ...(ids.length > 0 && { ids }),
          ...(limit !== undefined && { limit: Number(limit) }),
        };
        const { changed, more } = await call<DeadLettersChangedDto>(options, 'POST', `/${verb}`, body);
        say(
          `${changed} ${verb === 'replay' ? 'replayed' : 'discarded'}${more ? ', more wait: ask again' : ''}`,
        );
      });
}

const filterOf = ({ service, topic, code, tenant, since, limit }: Filter): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ service, topic, code, tenantId: tenant, since, limit }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );

async function call<T>(access: Access, method: string, path: string, body?: object): Promise<T> {
  const key = access.key ?? (await readFile(access.keyFile, 'utf8')).trim();
  const answer = await fetch(`${access.url.replace(/\/$/, '')}/api/v1/dead-letters${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const said = (await answer.json()) as T & { code?: string; detail?: string };
  if (!answer.ok) throw new Error(`${said.code ?? answer.status}: ${said.detail ?? answer.statusText}`);
  return said;
}
