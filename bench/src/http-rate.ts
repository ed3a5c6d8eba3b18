import autocannon from 'autocannon';

const body = JSON.stringify({
  function: 'run',
  input: { id: 'evt_1', type: 'record.created', tags: ['x', 'y'], name: 'hello world 12345' },
});

/** Requests a second of 16 callers that each POST the same small call. @throws Error unless all answers are 2xx */
export async function httpRate(url: string, headers: Record<string, string> = {}): Promise<number> {
  const result = await autocannon({
    url,
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
    connections: 16,
    duration: 3,
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} answers were not 2xx, ${result.errors} failed`);
  return result.requests.average;
}
