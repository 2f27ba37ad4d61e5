// The calendar agrees with JavaScript's Date on every day that Date knows, in both directions.
import {describe, expect, it} from 'vitest';
import {
  civilFromDays,
  daysFromCivil,
  daysInMonth,
  isLeapYear,
  MILLIS_PER_DAY,
} from '#src/base/calendar.js';

describe('calendar', () => {
  it('agrees with Date on every 37th day and at both ends of its range', () => {
    const check = (days: number) => {
      const date = new Date(days * MILLIS_PER_DAY);
      const year = date.getUTCFullYear();
      const month = date.getUTCMonth() + 1;
      const day = date.getUTCDate();
      if (daysFromCivil(year, month, day) !== days) expect.fail(`daysFromCivil at ${days}`);
      const civil = civilFromDays(days);
      if (civil.year !== year || civil.month !== month || civil.day !== day) {
        expect.fail(`civilFromDays at ${days}`);
      }
    };
    for (let days = -1_000_000; days <= 3_000_000; days += 37) check(days);
    for (let days = -800; days <= 40_000; days += 1) check(days);
    for (const days of [-100_000_000, 100_000_000]) check(days);
  });

  it('knows the leap years of the century rule', () => {
    expect([1900, 2000, 2004, 2100, 0, -4].map(isLeapYear)).toEqual([
      false,
      true,
      true,
      false,
      true,
      true,
    ]);
  });

  it('knows the length of each month', () => {
    for (const year of [1999, 2000, 2100]) {
      for (let month = 1; month <= 12; month += 1) {
        expect(daysInMonth(year, month)).toBe(new Date(Date.UTC(year, month, 0)).getUTCDate());
      }
    }
  });
});
