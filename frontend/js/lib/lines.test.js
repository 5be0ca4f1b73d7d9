import assert from "node:assert/strict";
import test from "node:test";
import { DROPPED, KEPT, LineWindow, WINDOW, lineTone } from "./lines.js";

const lines = (from, count) => Array.from({ length: count }, (_, index) => ({ number: from + index }));

test("a long log is drawn in part and can be walked back", () => {
  const window = new LineWindow();
  window.push(...lines(1, 5000));
  const [fresh] = window.advance();
  assert.equal(fresh.at(-1).number, 5000);
  assert.equal(fresh.length, WINDOW);
  const [older, drop] = window.retreat();
  assert.equal(older[0].number, 1001);
  assert.equal(drop, 1000);
});

test("a page that is open for long keeps the newest lines only", () => {
  const window = new LineWindow();
  for (let at = 0; at < 3 * KEPT; at += 1000) {
    window.push(...lines(at + 1, 1000));
    window.advance();
  }
  assert.ok(window.lines.length <= KEPT + 1000);
  assert.equal(window.lines.at(-1).number, 3 * KEPT);
  assert.equal(window.to, window.lines.length);
});

test("lines that somebody reads are not taken from under them", () => {
  const window = new LineWindow();
  window.push(...lines(1, DROPPED));
  window.advance();
  for (const line of lines(DROPPED + 1, 2 * KEPT)) window.push(line);
  assert.equal(window.lines[window.from].number, DROPPED - WINDOW + 1);
});

test("a line is toned by its first words, whatever its colours", () => {
  assert.equal(lineTone("\u001b[31mERROR\u001b[0m no file"), "e");
  assert.equal(lineTone("ValueError: no"), "e");
  assert.equal(lineTone("2026-11-30 WARNING slow"), "w");
  assert.equal(lineTone("terror is no word here"), "");
});
