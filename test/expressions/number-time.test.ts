// Numeric functions, CAST, and functions on timestamps and dates.

import {expect, test} from 'vitest';
import {failureOf, invalid, parsed, value} from './vocabulary.js';
import {dataTypeText} from '#src/records/data-type.js';

test.each([
  ['ABS(-5)', 5, 'int'],
  ['ABS(-1.5)', 15n, 'decimal(2,1)'],
  ['ABS(-9999999999)', 9999999999n, 'bigint'],
  ['ABS(NULL)', null, 'int'],
  ['SIGN(-2.5)', -1n, 'decimal(1,0)'],
  ['SIGN(-2e0)', -1, 'double'],
  ['FLOOR(-1.5)', -2n, 'decimal(2,0)'],
  ['CEIL(1.5)', 2n, 'decimal(2,0)'],
  ['CEILING(-1.5e0)', -1, 'double'],
  ['FLOOR(7)', 7, 'int'],
  ['ROUND(2.5)', 3n, 'decimal(2,0)'],
  ['ROUND(-2.45, 1)', -25n, 'decimal(3,1)'],
  ['ROUND(1.005e0, 2)', 1.01, 'double'],
  ['ROUND(-0.5e0)', -1, 'double'],
  ['ROUND(1250, -2)', 1300, 'int'],
  ['ROUND(155.5, -1)', 160n, 'decimal(4,0)'],
  ['ROUND(9999999999, -3)', 10000000000n, 'bigint'],
  ['POWER(2, 10)', 1024, 'double'],
  ['SQRT(2.25)', 1.5, 'double'],
  ['LN(1)', 0, 'double'],
  ["CAST('42' AS INT)", 42, 'int'],
  ["CAST(' -42.9 ' AS INT)", -42, 'int'],
  ["CAST('9223372036854775807' AS BIGINT)", 9223372036854775807n, 'bigint'],
  ["CAST('1.5e3' AS DOUBLE)", 1500, 'double'],
  ["CAST('1.005' AS DECIMAL(10, 2))", 101n, 'decimal(10,2)'],
  ["CAST('yes' AS BOOLEAN)", true, 'boolean'],
  ["CAST('2020-02-29 12:30:00.5' AS TIMESTAMP)", 1582979400500, 'timestamp'],
  ["CAST('2020-02-29' AS DATE)", 18321, 'date'],
  ["TRY_CAST('x' AS INT)", null, 'int'],
  ["TRY_CAST('99999999999' AS INT)", null, 'int'],
  ["TRY_CAST('99999999999' AS BIGINT)", 99999999999n, 'bigint'],
  ["TRY_CAST('99999999999999999999' AS BIGINT)", null, 'bigint'],
  ['TRY_CAST(123.45 AS DECIMAL(3, 1))', null, 'decimal(3,1)'],
  ['CAST(1.99 AS INT)', 1, 'int'],
  ['CAST(-1.99e0 AS BIGINT)', -1n, 'bigint'],
  ['CAST(2.675e0 AS DECIMAL(5, 2))', 268n, 'decimal(5,2)'],
  ['CAST(1e18 AS BIGINT)', 1000000000000000000n, 'bigint'],
  ['CAST(TRUE AS INT)', 1, 'int'],
  ['CAST(0 AS BOOLEAN)', false, 'boolean'],
  ['CAST(1.5 AS STRING)', '1.5', 'string'],
  ['CAST(-0.05 AS STRING)', '-0.05', 'string'],
  ['CAST(1e0 AS STRING)', '1.0', 'string'],
  ['CAST(1e7 AS STRING)', '1.0E7', 'string'],
  ['CAST(1.25e-5 AS STRING)', '1.25E-5', 'string'],
  ['CAST(FALSE AS STRING)', 'FALSE', 'string'],
  ["CAST(TIMESTAMP '2020-02-29 12:30:00.5' AS STRING)", '2020-02-29 12:30:00.500', 'string'],
  ["CAST(DATE '0099-01-02' AS STRING)", '0099-01-02', 'string'],
  ["CAST(TIMESTAMP '1969-12-31 23:59:59' AS DATE)", -1, 'date'],
  ["CAST(CAST('é' AS BYTES) AS STRING)", 'é', 'string'],
  ['CAST(NULL AS DATE)', null, 'date'],
])('%s = %s', (text, expected, type) => {
  expect(value(text)).toEqual(expected);
  expect(dataTypeText(parsed(text).type)).toBe(type);
});

test.each([
  ["CAST('x' AS INT)", '"x" is not a value of int'],
  ["CAST('1e3' AS INT)", 'is not a value of int'],
  ["CAST('NaN' AS DOUBLE)", 'is not a value of double'],
  ["CAST('2021-02-29' AS DATE)", 'is not a value of date'],
  ['CAST(3e9 AS INT)', 'does not fit int'],
  ['CAST(1e19 AS BIGINT)', 'does not fit bigint'],
  ['CAST(100 AS DECIMAL(2, 0))', 'does not fit decimal(2,0)'],
  ['TRY_CAST(1 / 0 AS STRING)', 'division by zero'],
  ['ABS(-2147483648)', 'int overflow'],
  ['ROUND(2147483647, -1)', 'int overflow'],
  ['SQRT(-1)', 'not finite'],
  ['LN(0)', 'not finite'],
  ['POWER(10, 400)', 'not finite'],
  ["TIMESTAMP '9999-12-31 00:00:00' + INTERVAL '1' DAY", 'outside the years'],
  ["TIMESTAMPDIFF(SECOND, TIMESTAMP '1900-01-01', TIMESTAMP '2000-01-01')", 'int overflow'],
  ["UNIX_TIMESTAMP('x')", '"x" is not a timestamp'],
])('%s fails', (text, reason) => {
  expect(failureOf(text).reason).toContain(reason);
});

const T = "TIMESTAMP '2024-02-29 13:45:07.250'";

test.each([
  [`EXTRACT(YEAR FROM ${T})`, 2024n],
  [`EXTRACT(quarter FROM ${T})`, 1n],
  [`MONTH(${T})`, 2n],
  [`EXTRACT(DAY FROM ${T})`, 29n],
  [`EXTRACT(DOY FROM ${T})`, 60n],
  [`EXTRACT(HOUR FROM ${T})`, 13n],
  [`EXTRACT(MINUTE FROM ${T})`, 45n],
  [`EXTRACT(SECOND FROM ${T})`, 7n],
  [`EXTRACT(EPOCH FROM ${T})`, 1709214307n],
  ["EXTRACT(WEEK FROM DATE '2021-01-03')", 53n],
  ["EXTRACT(ISOYEAR FROM DATE '2021-01-03')", 2020n],
  ["EXTRACT(ISODOW FROM DATE '2021-01-03')", 7n],
  ["DAYOFWEEK(DATE '1994-09-27')", 3n],
  ["EXTRACT(HOUR FROM TIMESTAMP '1969-12-31 23:59:59')", 23n],
  ['EXTRACT(DAY FROM CAST(NULL AS DATE))', null],
  [`CAST(FLOOR(${T} TO HOUR) AS STRING)`, '2024-02-29 13:00:00.000'],
  [`CAST(CEIL(${T} TO MINUTE) AS STRING)`, '2024-02-29 13:46:00.000'],
  [`CAST(FLOOR(${T} TO WEEK) AS STRING)`, '2024-02-25 00:00:00.000'],
  [`CAST(FLOOR(${T} TO QUARTER) AS STRING)`, '2024-01-01 00:00:00.000'],
  [`CAST(CEIL(${T} TO YEAR) AS STRING)`, '2025-01-01 00:00:00.000'],
  ["CAST(FLOOR(DATE '2024-02-29' TO MONTH) AS STRING)", '2024-02-01'],
  ["CAST(CEIL(DATE '2024-02-01' TO MONTH) AS STRING)", '2024-02-01'],
  [`CAST(${T} + INTERVAL '1' YEAR AS STRING)`, '2025-02-28 13:45:07.250'],
  [`CAST(${T} - INTERVAL '1.5' SECOND AS STRING)`, '2024-02-29 13:45:05.750'],
  [`CAST(INTERVAL '-2' HOUR + ${T} AS STRING)`, '2024-02-29 11:45:07.250'],
  ["CAST(DATE '2024-01-31' + INTERVAL '1' MONTH AS STRING)", '2024-02-29'],
  ["CAST(TIMESTAMPADD(WEEK, -1, DATE '2024-01-03') AS STRING)", '2023-12-27'],
  ["CAST(TIMESTAMPADD(HOUR, 25, DATE '2024-01-03') AS STRING)", '2024-01-04 01:00:00.000'],
  [`TIMESTAMPADD(DAY, NULL, ${T})`, null],
  ["TIMESTAMPDIFF(DAY, TIMESTAMP '2024-01-01 12:00:00', TIMESTAMP '2024-01-03 11:59:59')", 1],
  [
    "1E0 * TIMESTAMPDIFF(HOUR, TIMESTAMP '2024-01-01 12:00:01', TIMESTAMP '2024-01-01 12:00:00')",
    0,
  ],
  ["TIMESTAMPDIFF(MONTH, DATE '2024-01-31', DATE '2024-02-29')", 1],
  ["TIMESTAMPDIFF(MONTH, DATE '2024-01-30', DATE '2024-02-28')", 0],
  ["TIMESTAMPDIFF(YEAR, DATE '2024-02-29', DATE '2020-03-01')", -3],
  [`DATE_FORMAT(${T}, 'yyyy-MM-dd''T''HH:mm:ss.SSS')`, '2024-02-29T13:45:07.250'],
  [`DATE_FORMAT(${T}, 'E EEEE d MMM MMMM yy h a')`, 'Thu Thursday 29 Feb February 24 1 PM'],
  ["DATE_FORMAT('2024-02-29', 'dd.MM.yyyy')", '29.02.2024'],
  ["DATE_FORMAT(CAST(NULL AS TIMESTAMP), 'yyyy')", null],
  ["CAST(TO_TIMESTAMP('2024-02-29 13:45:07') AS STRING)", '2024-02-29 13:45:07.000'],
  ["CAST(TO_TIMESTAMP('29/2/2024 7', 'dd/M/yyyy H') AS STRING)", '2024-02-29 07:00:00.000'],
  ["TO_TIMESTAMP('30/02/2024', 'dd/MM/yyyy')", null],
  ["TO_TIMESTAMP('2024')", null],
  ["UNIX_TIMESTAMP('1970-01-02 00:00:01')", 86401n],
  ["UNIX_TIMESTAMP('1969/12/31', 'yyyy/MM/dd')", -86400n],
])('%s = %s', (text, expected) => {
  expect(value(text)).toEqual(expected);
});

test.each([
  ['EXTRACT(HOURS FROM a)', 'unknown column a', undefined],
  [`EXTRACT(HOURS FROM ${T})`, 'unknown unit HOURS', 'HOUR'],
  [`FLOOR(DATE '2024-01-01' TO HOUR)`, 'a date has no HOUR', 'DAY'],
  ["DATE '2024-01-01' + INTERVAL '1' HOUR", 'moves by whole days', 'CAST(… AS TIMESTAMP)'],
  ["INTERVAL '1' HOUR", 'can only be added', undefined],
  [`${T} + INTERVAL 'x' HOUR`, 'is not a number of HOUR', undefined],
  [`${T} + 1`, '+ expects a number, found timestamp', undefined],
  [`DATE_FORMAT(${T}, 'QQ')`, 'QQ is not known', undefined],
  ["TO_TIMESTAMP('a', 'MMM')", 'MMM cannot be read', undefined],
  ["TIMESTAMP '2024-13-01 00:00:00'", 'is not a timestamp', undefined],
  ['CAST(1 AS TIMESTAMP)', 'no CAST from int to timestamp', undefined],
  ['CAST(1 AS VARCHAR)', 'unknown type VARCHAR', 'STRING'],
  ['CAST(1 AS DECIMAL(19, 2))', 'DECIMAL(p, s) needs', undefined],
  ["TIMESTAMP '2024-01-01' > '2024'", 'cannot compare timestamp with string', "TIMESTAMP '…'"],
  ['UNIX_TIMESTAMP()', 'takes 1 to 2 arguments', undefined],
])('%s is refused', (text, message, suggestion) => {
  const found = invalid(text);
  expect(found.message).toContain(message);
  expect(found.suggestion).toBe(suggestion);
});
