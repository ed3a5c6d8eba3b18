/** `performance`: as coarse as the clock of the context, which stands still within an entry. */
export function make(web) {
  const timeOrigin = web.now();
  class Performance {
    get timeOrigin() {
      return timeOrigin;
    }
    now() {
      return web.now() - timeOrigin;
    }
    mark() {}
    measure() {}
    toJSON() {
      return { timeOrigin };
    }
  }
  return { Performance, performance: new Performance() };
}
