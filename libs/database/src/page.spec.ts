import { describe, expect, it } from 'vitest';
import { placeOf, toPage } from './page.js';

const idOf = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;
const all = Array.from({ length: 5 }, (_, n) => ({ id: idOf(n + 1) }));

/** What the database does with a place. */
function read(query: { limit?: number; cursor?: string }) {
  const place = placeOf({ limit: 2, ...query });
  const edge = place.id?.value;
  const rows = all
    .filter(({ id }) => edge === undefined || (place.order === 'desc' ? id < edge : id > edge))
    .sort((a, b) => (place.order === 'desc' ? b.id.localeCompare(a.id) : a.id.localeCompare(b.id)))
    .slice(0, place.limit + 1);
  return toPage(place, rows, ({ id }) => Number(id.slice(-2)));
}

describe('pages', () => {
  it('lead from the newest to the oldest and back', () => {
    const first = read({});
    const second = read({ cursor: first.page.next ?? '' });
    const third = read({ cursor: second.page.next ?? '' });
    const back = read({ cursor: third.page.prev ?? '' });

    expect([first.data, second.data, third.data, back.data]).toEqual([[5, 4], [3, 2], [1], [3, 2]]);
    expect([first.page.prev, third.page.next]).toEqual([null, null]);
    expect(read({ cursor: back.page.prev ?? '' })).toMatchObject({ data: [5, 4], page: { prev: null } });
  });

  it('refuse a cursor that was not given out', () => {
    expect(() => placeOf({ cursor: 'bm9uc2Vuc2U' })).toThrow(
      expect.objectContaining({ code: 'INVALID_CURSOR' }),
    );
  });
});
