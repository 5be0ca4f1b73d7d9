import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, bytes, duration, fixed, num, percent, progressWords, statusWords } from "../js/lib/format.js";

const thin = (text) => text.replaceAll(" ", "\u202f");

test("numbers have three significant figures, thin spaces and a true minus", () => {
  assert.equal(num(0.8123), "0.812");
  assert.equal(num(36.29), "36.3");
  assert.equal(num(17605.4), thin("17 605"));
  assert.equal(num(50001), thin("50 001"));
  assert.equal(num(1204), thin("1 204"));
  assert.equal(num(-3.14159), "\u22123.14");
  assert.equal(num(-0.0001).startsWith("\u2212"), true);
  assert.equal(num(null), "–");
  assert.equal(num(NaN), "–");
  assert.equal(num(0), "0");
});

test("zero has no sign after rounding", () => assert.equal(fixed(-0.04, 1), "0.0"));

test("shares, sizes and durations carry their unit", () => {
  assert.equal(percent(0.546), thin("55 %"));
  assert.equal(bytes(49356), thin("48.2 KiB"));
  assert.equal(bytes(12), thin("12 B"));
  assert.equal(bytes(182452224), thin("174 MiB"));
  assert.equal(duration(0.035), thin("35 ms"));
  assert.equal(duration(0.13), thin("0.13 s"));
  assert.equal(duration(134), `2\u202fm 14\u202fs`);
  assert.equal(duration(11100), `3\u202fh 5\u202fm`);
  assert.equal(duration(187200), `2\u202fd 4\u202fh`);
});

test("relative times look both ways", () => {
  const now = new Date("2026-11-20T12:00:00Z");
  const at = (seconds) => ago(new Date(now - seconds * 1000), now);
  assert.equal(at(3), "just now");
  assert.equal(at(300), `5\u202fmin ago`);
  assert.equal(at(7300), `2\u202fh ago`);
  assert.equal(at(100000), "yesterday");
  assert.equal(at(3 * 86400), "3 days ago");
  assert.equal(at(-6 * 86400 - 10), "in 6 days");
  assert.match(at(60 * 86400), /^\d+ Sep 2026$/);
});

test("a live part says how fresh it is", () => {
  assert.equal(statusWords({ state: "live" }), "live");
  assert.equal(statusWords({ state: "delayed", seconds: 8 }), "delayed 8\u202fs");
  assert.equal(statusWords({ state: "offline", since: new Date(2026, 10, 20, 14, 2) }), "offline since 14:02");
});

test("progress says what is known of steps, share and time left", () => {
  assert.equal(progressWords({ step: 12, total: 100, fraction: 0.12, left: 22 }), `12 of 100 steps, 12\u202f% done, about 22\u202fs left`);
  assert.equal(progressWords({ step: 5 }), "5 steps");
  assert.equal(progressWords({ fraction: 1, left: 0 }), `100\u202f% done, about to end`);
  assert.equal(progressWords({}), "");
});
