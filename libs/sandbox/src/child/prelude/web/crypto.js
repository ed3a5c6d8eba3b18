/** Web Crypto, by https://w3c.github.io/webcrypto. Keys live here; each use sends them with the data to the host. */
import { subtleOf } from './crypto/subtle.js';

export function make(web) {
  const { DOMException, webClass } = web.use('events');
  const { bytesOf, fromLatin1 } = web.use('encoding');
  const { CryptoKey, SubtleCrypto, subtle } = subtleOf(web);
  const key = {};
  const mostBytes = 65536;

  class Crypto {
    constructor(secret) {
      if (secret !== key) throw new TypeError('Illegal constructor');
    }
    get subtle() {
      return subtle;
    }
    getRandomValues(array) {
      if (!ArrayBuffer.isView(array) || /Float|DataView/.test(web.stringTag(array))) {
        throw new DOMException('Only arrays of whole numbers can be filled', 'TypeMismatchError');
      }
      if (array.byteLength > mostBytes) {
        throw new DOMException(`${mostBytes} bytes at most`, 'QuotaExceededError');
      }
      bytesOf(array).set(fromLatin1(web.ask('random', [array.byteLength])));
      return array;
    }
    randomUUID() {
      return web.ask('uuid');
    }
  }
  webClass(Crypto);
  return { Crypto, CryptoKey, SubtleCrypto, crypto: new Crypto(key) };
}
