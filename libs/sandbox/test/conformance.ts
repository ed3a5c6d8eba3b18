import { readFileSync } from 'node:fs';

/** Cases of one area: each an expression that is true in a plugin; `input` is its data. */
export interface Area {
  name: string;
  source: string;
  /** A function of JavaScript: does one case, answers whether it held. */
  check: string;
  cases: readonly unknown[];
}

const data = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`./fixtures/wpt/${name}`, import.meta.url), 'utf8'));

const setters = Object.entries(data('setters_tests.json') as Record<string, object[]>).flatMap(
  ([property, cases]) => cases.map((one) => ({ ...one, property })),
);

const expression = '(source) => (0, eval)(`(async () => (${source}))()`)';
const own = 'own cases';
const thrown = (call: string) => `(() => { try { ${call}; } catch (e) { return e.name; } })()`;

/** What is held to the standards, area by area. */
export const areas: readonly Area[] = [
  {
    ...{ name: 'URL: parsing', source: 'web-platform-tests, urltestdata.json' },
    check: `(one) => {
      if (one.failure) return URL.parse(one.input, one.base ?? undefined) === null;
      const url = new URL(one.input, one.base ?? undefined);
      return ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search',
        'hash'].every((name) => one[name] === undefined || url[name] === one[name]);
    }`,
    cases: (data('urltestdata.json') as unknown[]).filter((one) => typeof one === 'object'),
  },
  {
    ...{ name: 'URL: setters', source: 'web-platform-tests, setters_tests.json' },
    check: `(one) => {
      const url = new URL(one.href);
      url[one.property] = one.new_value;
      return Object.entries(one.expected).every(([name, value]) => url[name] === value);
    }`,
    cases: setters,
  },
  {
    ...{ name: 'atob', source: 'web-platform-tests, base64.json' },
    check: `([input, bytes]) => {
      try {
        const text = atob(input);
        return bytes !== null && [...text].every((c, at) => c.charCodeAt(0) === bytes[at]) && text.length === bytes.length;
      } catch (e) { return bytes === null && e.name === 'InvalidCharacterError' && e.code === 5; }
    }`,
    cases: data('base64.json') as unknown[],
  },
  {
    ...{ name: 'URLSearchParams', source: own, check: expression },
    cases: [
      "String(new URLSearchParams('?a=b+c&d=%F0%9F%92%A9')) === 'a=b+c&d=%F0%9F%92%A9'",
      "new URLSearchParams('a=%zz&b=%e4').get('a') === '%zz'",
      "new URLSearchParams('b=%e4').get('b') === '\\ufffd'",
      "String(new URLSearchParams({ a: '1', b: '~\\'()!*' })) === 'a=1&b=%7E%27%28%29%21*'",
      "(() => { const p = new URLSearchParams('z=1&a=2&z=0'); p.sort(); return String(p) === 'a=2&z=1&z=0'; })()",
      "(() => { const p = new URLSearchParams('a=1&a=2&b=3'); p.set('a', '4'); return String(p) === 'a=4&b=3'; })()",
      "(() => { const u = new URL('x://y/?a=1'); u.searchParams.append('b', ' '); return u.href === 'x://y/?a=1&b=+'; })()",
      "(() => { const u = new URL('x://y/?a=1'); const p = u.searchParams; u.search = '?c=2'; return p.get('c') === '2'; })()",
      `${thrown("new URLSearchParams([['a']])")} === 'TypeError'`,
      "new URLSearchParams('a=1&a=2').has('a', '2') && new URLSearchParams('a=1&a=2').size === 2",
    ],
  },
  {
    ...{ name: 'TextEncoder, TextDecoder', source: own, check: expression },
    cases: [
      "String(new TextEncoder().encode('\\u20ac\\ud83d\\ude00\\ud800')) === '226,130,172,240,159,152,128,239,191,189'",
      "new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x41])) === 'A'",
      "new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf])) === '\\ufeff'",
      "new TextDecoder().decode(new Uint8Array([0xf0, 0x9f, 0x41, 0xff])) === '\\ufffdA\\ufffd'",
      `${thrown("new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255]))")} === 'TypeError'`,
      "(() => { const d = new TextDecoder(); return d.decode(new Uint8Array([0xe2, 0x82]), { stream: true }) + d.decode(new Uint8Array([0xac])) === '\\u20ac'; })()",
      "new TextDecoder('latin1').encoding === 'windows-1252' && new TextDecoder('latin1').decode(new Uint8Array([0x80])) === '\\u20ac'",
      "new TextDecoder('utf-16').decode(new Uint8Array([0x41, 0, 0x3d, 0xd8])) === 'A\\ufffd'",
      "new TextDecoder('shift_jis').decode(new Uint8Array([0x82, 0xa0])) === '\\u3042'",
      `${thrown("new TextDecoder('no-such')")} === 'RangeError'`,
      "(() => { const b = new Uint8Array(4); const r = new TextEncoder().encodeInto('a\\u20ac\\u20ac', b); return r.read === 2 && r.written === 4; })()",
    ],
  },
  {
    ...{ name: 'Headers', source: own, check: expression },
    cases: [
      "new Headers({ A: ' b ' }).get('a') === 'b'",
      "JSON.stringify([...new Headers([['b', '1'], ['a', '2'], ['B', '3']])]) === '[[\"a\",\"2\"],[\"b\",\"1, 3\"]]'",
      "(() => { const h = new Headers(); h.append('Set-Cookie', 'a'); h.append('set-cookie', 'b'); return h.getSetCookie().length === 2 && [...h].length === 2; })()",
      `${thrown("new Headers({ 'a b': '1' })")} === 'TypeError'`,
      `${thrown("new Headers({ a: 'x\\ny' })")} === 'TypeError'`,
      `${thrown("new Headers({ a: '\\u0100' })")} === 'TypeError'`,
      "(() => { const h = new Headers({ a: '1' }); h.delete('A'); return !h.has('a') && h.get('a') === null; })()",
      `${thrown("Response.error().headers.set('a', '1')")} === 'TypeError'`,
    ],
  },
  {
    ...{ name: 'Request, Response, FormData, Blob', source: own, check: expression },
    cases: [
      '(await new Response(\'{"a":1}\').json()).a === 1',
      "new Response('x').headers.get('content-type') === 'text/plain;charset=UTF-8'",
      "(async () => { const r = new Response('x'); await r.text(); return r.bodyUsed && r.text().then(() => false, (e) => e.name === 'TypeError'); })()",
      "(async () => { const r = new Response('xyz'); const c = r.clone(); return (await r.text()) === 'xyz' && (await c.text()) === 'xyz'; })()",
      `${thrown("new Response('x', { status: 204 })")} === 'TypeError'`,
      `${thrown("new Response('x', { status: 99 })")} === 'RangeError'`,
      `${thrown("new Request('http://a/', { body: 'x' })")} === 'TypeError'`,
      "new Request('http://a/', { method: 'post', body: 'x' }).method === 'POST'",
      `${thrown("new Request('http://u:p@a/')")} === 'TypeError'`,
      "Response.json({}).headers.get('content-type') === 'application/json'",
      "(async () => { const f = new FormData(); f.append('a', '1'); f.append('b', new Blob(['\\u20ac'], { type: 'x/y' }), 'n\"m'); const g = await new Response(f).formData(); const b = g.get('b'); return g.get('a') === '1' && b.name === 'n\"m' && b.type === 'x/y' && (await b.text()) === '\\u20ac'; })()",
      "(await new Response('a=1&b=2', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }).formData()).get('b') === '2'",
      "(await new Blob(['abc', new Uint8Array([100])]).slice(1, -1).text()) === 'bc'",
      "(async () => { let s = ''; for await (const c of new Response('hello').body) s += new TextDecoder().decode(c); return s === 'hello'; })()",
    ],
  },
  {
    ...{ name: 'Events, AbortSignal', source: own, check: expression },
    cases: [
      "(() => { const c = new AbortController(); c.abort(); return c.signal.aborted && c.signal.reason.name === 'AbortError' && c.signal.reason.code === 20; })()",
      '(() => { const a = new AbortController(); const s = AbortSignal.any([a.signal, AbortSignal.any([a.signal])]); let n = 0; s.onabort = () => n++; a.abort(7); a.abort(8); return s.reason === 7 && n === 1; })()',
      "(async () => { const s = AbortSignal.timeout(5); await new Promise((r) => s.addEventListener('abort', r)); return s.reason.name === 'TimeoutError'; })()",
      `${thrown('AbortSignal.abort(new RangeError()).throwIfAborted()')} === 'RangeError'`,
      `${thrown('new AbortSignal()')} === 'TypeError'`,
      "(() => { const t = new EventTarget(); let n = 0; t.addEventListener('x', () => n++, { once: true }); t.dispatchEvent(new Event('x')); t.dispatchEvent(new Event('x')); return n === 1; })()",
      "(() => { const t = new EventTarget(); t.addEventListener('x', (e) => e.preventDefault()); return t.dispatchEvent(new Event('x', { cancelable: true })) === false; })()",
      "(() => { const t = new EventTarget(); const c = new AbortController(); let n = 0; t.addEventListener('x', () => n++, { signal: c.signal }); c.abort(); t.dispatchEvent(new Event('x')); return n === 0; })()",
      "new CustomEvent('x', { detail: 3 }).detail === 3",
      "(() => { const e = new DOMException('m', 'NotFoundError'); return e instanceof Error && e.code === 8 && DOMException.NOT_FOUND_ERR === 8; })()",
    ],
  },
  {
    ...{ name: 'structuredClone', source: own, check: expression },
    cases: [
      "(() => { const a = { d: new Date(5), r: /x/gi, m: new Map([[1, new Set([2])]]), n: null }; a.self = a; const b = structuredClone(a); return b !== a && b.self === b && +b.d === 5 && String(b.r) === '/x/gi' && b.m.get(1).has(2); })()",
      '(() => { const b = new Uint8Array([1, 2, 3, 4]).subarray(1, 3); const c = structuredClone(b); return c.length === 2 && c[0] === 2 && c.buffer !== b.buffer; })()',
      "(() => { const e = structuredClone(new RangeError('m', { cause: [1] })); return e instanceof RangeError && e.message === 'm' && e.cause[0] === 1; })()",
      `${thrown('structuredClone(() => {})')} === 'DataCloneError'`,
      `${thrown("structuredClone(Symbol('x'))")} === 'DataCloneError'`,
      `${thrown('structuredClone({ a: new WeakMap() })')} === 'DataCloneError'`,
      '(() => { const b = new ArrayBuffer(8); const c = structuredClone(b, { transfer: [b] }); return b.byteLength === 0 && c.byteLength === 8; })()',
      "Object.is(structuredClone(-0), -0) && structuredClone(10n) === 10n && structuredClone(Object('x')) instanceof String",
      '(() => { const a = [1, , 3]; const b = structuredClone(a); return b.length === 3 && !(1 in b); })()',
    ],
  },
  {
    ...{ name: 'Streams', source: own, check: expression },
    cases: [
      "(async () => { const out = []; for await (const x of ReadableStream.from([1, 2, 3])) out.push(x); return String(out) === '1,2,3'; })()",
      "(async () => { const t = new TransformStream({ transform(c, k) { k.enqueue(c * 2); } }); const out = []; for await (const x of ReadableStream.from([1, 2]).pipeThrough(t)) out.push(x); return String(out) === '2,4'; })()",
      '(async () => { const [a, b] = ReadableStream.from([1]).tee(); return (await a.getReader().read()).value === 1 && (await b.getReader().read()).value === 1; })()',
      "(async () => { let s = ''; for await (const c of ReadableStream.from(['\\ud83d', '\\ude00']).pipeThrough(new TextEncoderStream()).pipeThrough(new TextDecoderStream())) s += c; return s === '\\ud83d\\ude00'; })()",
      "(async () => { const got = []; await ReadableStream.from([1, 2]).pipeTo(new WritableStream({ write: (c) => void got.push(c) })); return String(got) === '1,2'; })()",
      "(async () => { const r = new ReadableStream({ start(c) { c.error(new RangeError()); } }).getReader(); return r.read().then(() => false, (e) => e.name === 'RangeError'); })()",
    ],
  },
  {
    ...{ name: 'Web Crypto', source: own, check: expression },
    cases: [
      '/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID())',
      'new Set(crypto.getRandomValues(new Uint8Array(64))).size > 10',
      `${thrown('crypto.getRandomValues(new Uint8Array(65537))')} === 'QuotaExceededError'`,
      "[...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc')))].map((b) => b.toString(16).padStart(2, '0')).join('') === 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'",
      "(async () => { const d = new Uint8Array([1, 2]); for (const [n, g] of [['Ed25519', 'Ed25519'], [{ name: 'ECDSA', hash: 'SHA-256' }, { name: 'ECDSA', namedCurve: 'P-256' }]]) { const k = await crypto.subtle.generateKey(g, true, ['sign', 'verify']); const s = await crypto.subtle.sign(n, k.privateKey, d); if (!(await crypto.subtle.verify(n, k.publicKey, s, d)) || (await crypto.subtle.verify(n, k.publicKey, s, new Uint8Array([9])))) return false; } return true; })()",
      "(async () => { const k = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt', 'decrypt']); const iv = crypto.getRandomValues(new Uint8Array(12)); const c = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, k, new Uint8Array([7])); return c.byteLength === 17 && new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, k, c))[0] === 7; })()",
      "(async () => { const k = await crypto.subtle.importKey('raw', new Uint8Array(20).fill(11), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']); const s = new Uint8Array(await crypto.subtle.sign('HMAC', k, new TextEncoder().encode('Hi There'))); return s[0] === 0xb0 && s[31] === 0xf7; })()",
      "(async () => { const k = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']); const j = await crypto.subtle.exportKey('jwk', k.publicKey); return j.kty === 'EC' && j.crv === 'P-256'; })()",
      "(async () => { const k = await crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt']); return crypto.subtle.exportKey('raw', k).then(() => false, (e) => e.name === 'InvalidAccessError'); })()",
    ],
  },
];
