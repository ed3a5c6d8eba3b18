import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Dispatcher } from 'undici';
import { limitError, type Call } from '../capability.js';
import { CapabilityError } from '../types.js';
import { authoriseTarget } from './allowed.js';
import { acceptEncoding, Body, decodersOf, written } from './body.js';
import type { Egress, Origin } from './egress.js';
import { networkFailed, reasonOf } from './failures.js';
import { shown } from './headers.js';
import { targetOf, invalid } from './target.js';
import { httpLimits } from './limits.js';
import type { Injected } from './masking.js';
import { filledHeaders, filledPath, hasPlaceholder, type SecretValue } from './placeholders.js';
import { nextHop, type Hop } from './redirect.js';
import type { ReadRequest } from './request.js';
import type { Chunk, HttpResponse, More } from './wire.js';

/** What an exchange is made with. */
export interface Ground {
  egress: Egress;
  injected: Injected;
  secret: SecretValue;
  /** Nothing of it is left open. */
  onEnd: () => void;
}

type Answer = Dispatcher.ResponseData;
const more: More = { more: true };
const withoutBody = new Set([101, 103, 204, 205, 304]);

/** One request of a plugin, over its redirects, to the last byte of the answer. */
export class Exchange {
  readonly #call: Call;
  readonly #request: ReadRequest;
  readonly #ground: Ground;
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #upload: PassThrough | undefined;
  #uploaded = 0;
  #host: string;
  #answer: Promise<HttpResponse> | undefined;
  #body: Body | undefined;
  #why: CapabilityError | undefined;
  #isReading = false;
  #isOver = false;
  /** Rejects when it is ended: what it waits for may take longer than it may. */
  readonly #over: Promise<never>;
  #tell: (why: CapabilityError) => void = () => {};

  constructor(call: Call, request: ReadRequest, ground: Ground) {
    this.#call = call;
    this.#request = request;
    this.#ground = ground;
    this.#host = targetOf(request.url).host;
    this.#over = new Promise((_resolve, reject) => (this.#tell = reject));
    this.#over.catch(() => {});
    if (request.body === 'stream') {
      this.#upload = new PassThrough({ highWaterMark: httpLimits.inlineBytes });
      this.#upload.on('error', () => {});
    }
    const leftMs = Math.max(1, Math.min(request.timeoutMs, call.scope.deadline - call.nowMs));
    this.#timer = setTimeout(() => this.end(networkFailed(this.#host, 'timeout')), leftMs);
  }

  /** Sends it; with a streamed body as far as the server takes the first piece. */
  async start(): Promise<HttpResponse | More> {
    let opened: (value: More) => void = () => {};
    const isOpen = new Promise<More>((resolve) => (opened = resolve));
    this.#answer = Promise.race([this.#follow(() => opened(more)), this.#over]).catch((error: unknown) => {
      throw this.#failed(error);
    });
    this.#answer.catch(() => {});
    return this.#upload ? Promise.race([isOpen, this.#answer]) : this.#answer;
  }

  async write(piece: Buffer, last: boolean): Promise<HttpResponse | More> {
    const upload = this.#upload;
    const answer = this.#answer;
    if (!upload || !answer || upload.writableEnded)
      throw invalid('id', 'This request takes no more of a body');
    this.#uploaded += piece.length;
    if (this.#uploaded > httpLimits.requestBodyBytes) {
      const { requestBodyBytes } = httpLimits;
      throw this.#failed(limitError(this.#call.scope, 'requestBodyBytes', requestBodyBytes, this.#uploaded));
    }
    this.#call.scope.meter.networkBytesOut += piece.length;
    // Destroyed: the server has answered or turned away without the rest.
    if (upload.destroyed) return answer;
    const hasRoom = upload.write(piece);
    if (last) {
      upload.end();
      return answer;
    }
    if (hasRoom) return more;
    const listening = new AbortController();
    const until = (event: string) =>
      once(upload, event, { signal: listening.signal }).then(
        () => undefined,
        () => undefined,
      );
    try {
      const early = await Promise.race([until('drain'), until('close').then(() => answer), answer]);
      return early ?? more;
    } finally {
      listening.abort();
    }
  }

  async read(): Promise<Chunk> {
    const body = this.#body;
    if (!body || this.#isReading) throw invalid('id', 'This request has no body to read now');
    this.#isReading = true;
    try {
      return this.#given(await body.read());
    } catch (error) {
      throw this.#failed(error);
    } finally {
      this.#isReading = false;
    }
  }

  /** Ends it before its time. @param why what a call that still waits for it is told */
  end(why: CapabilityError): void {
    if (this.#isOver) return;
    this.#why = why;
    this.#release();
    this.#abort.abort(why);
    this.#tell(why);
  }

  #release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#upload?.destroy();
    this.#ground.onEnd();
  }

  #given(chunk: Chunk): Chunk {
    if (chunk.done) this.#release();
    return chunk;
  }

  #failed(error: unknown): CapabilityError {
    const why = error instanceof CapabilityError ? error : networkFailed(this.#host, reasonOf(error));
    const first = this.#why;
    this.end(why);
    return first ?? why;
  }

  async #follow(opened: () => void): Promise<HttpResponse> {
    const { url, method, headers, body, redirect } = this.#request;
    let hop: Hop = { url, method, headers, body: body === 'stream' ? this.#upload : body };
    for (let count = 0; ; count++) {
      const { answer, sentUrl } = await this.#send(hop, count === 0, opened);
      const next = redirect === 'manual' ? undefined : nextHop(hop, sentUrl, answer);
      if (!next) return this.#respond(answer, hop.method, sentUrl, count > 0);
      // Its connection is of use again when what is left of the answer is small.
      await answer.body.dump({ limit: httpLimits.inlineBytes });
      if (redirect === 'error' || next === 'refused' || count === httpLimits.redirects)
        throw networkFailed(this.#host, 'redirects');
      hop = next;
    }
  }

  async #send(hop: Hop, isFirst: boolean, opened: () => void): Promise<{ answer: Answer; sentUrl: URL }> {
    const { scope } = this.#call;
    const target = targetOf(hop.url);
    this.#host = target.host;
    await authoriseTarget(this.#call, target, isFirst ? 'plugin' : 'redirect');
    this.#count();
    const origin = await this.#ground.egress.open(scope.installation.installationId, target);
    const { path, headers } = await this.#filled(hop, isFirst, origin);
    // It may have ended while names and secrets were looked up.
    this.#abort.signal.throwIfAborted();
    if (Buffer.isBuffer(hop.body)) scope.meter.networkBytesOut += hop.body.length;
    const sending = origin.send({
      path,
      method: hop.method,
      headers: headers.flat(),
      body: hop.body ?? null,
      signal: this.#abort.signal,
      responseHeaders: 'raw',
      highWaterMark: httpLimits.inlineBytes,
    });
    opened();
    const answer = await sending;
    // Whoever reads it is told; nobody may be reading.
    answer.body.on('error', () => {});
    return { answer, sentUrl: new URL(`${hop.url.origin}${path}`) };
  }

  #count(): void {
    const { scope } = this.#call;
    const { meter, limits } = scope;
    const { rate } = this.#ground.egress;
    if (++meter.networkRequests > limits.networkRequests)
      throw limitError(scope, 'networkRequests', limits.networkRequests, meter.networkRequests);
    if (rate.take(scope.installation.installationId) > 0)
      throw limitError(scope, 'networkRequestsPerMinute', rate.perMinute, rate.perMinute + 1);
  }

  /** Secrets go where the plugin sends them: what a server answers is never filled in. */
  async #filled({ url, headers }: Hop, isFirst: boolean, origin: Origin) {
    const { secret } = this.#ground;
    const holdsSecret = hasPlaceholder(isFirst ? url : new URL('https://-'), headers);
    if (holdsSecret && url.protocol === 'http:' && !origin.isPrivate)
      throw invalid('url', 'A secret is not sent over plain http');
    return {
      path: isFirst ? await filledPath(url, secret) : url.pathname + url.search,
      headers: [...(await filledHeaders(headers, secret)), ['accept-encoding', acceptEncoding]],
    };
  }

  async #respond(answer: Answer, method: string, sentUrl: URL, redirected: boolean): Promise<HttpResponse> {
    const { injected } = this.#ground;
    const raw = answer.headers as unknown as string[];
    const find = (name: string) => {
      const at = raw.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
      return at < 0 ? undefined : raw[at + 1];
    };
    const decode = decodersOf(find('content-encoding'));
    const hasNone = method === 'HEAD' || withoutBody.has(answer.statusCode);
    const isDecoded = !hasNone && decode !== undefined && decode.length > 0;
    const changesLength = isDecoded || (!hasNone && !injected.empty);
    const length = changesLength ? NaN : Number(find('content-length') ?? NaN);
    return {
      status: answer.statusCode,
      statusText: injected.text(answer.statusText),
      url: injected.text(sentUrl.href),
      redirected,
      headers: shown(raw, { isDecoded, changesLength }).map(([name, value]) => [name, injected.text(value)]),
      body: hasNone ? await this.#none(answer) : await this.#begun(answer, decode ?? [], length),
    };
  }

  async #none(answer: Answer): Promise<null> {
    await answer.body.dump({ limit: httpLimits.inlineBytes });
    this.#release();
    return null;
  }

  async #begun(
    answer: Answer,
    decode: ReturnType<typeof decodersOf> & object,
    length: number,
  ): Promise<Chunk> {
    const { scope } = this.#call;
    const { meter } = scope;
    if (length <= httpLimits.inlineBytes) {
      // Its length is held by the parser, and nothing is to be done to it: no stream is made.
      const bytes = Buffer.from(await answer.body.arrayBuffer());
      meter.networkBytesIn += bytes.length;
      return this.#given({ ...written(bytes), done: true });
    }
    const most = httpLimits.responseBodyBytes;
    this.#body = new Body(answer.body, {
      decode,
      injected: this.#ground.injected,
      tooLarge: (bytes) => limitError(scope, 'responseBodyBytes', most, bytes),
      onBytes: (count) => (meter.networkBytesIn += count),
    });
    return this.#given(await this.#body.peek());
  }
}
