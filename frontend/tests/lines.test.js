import assert from "node:assert/strict";
import { test } from "node:test";
import { LineWindow, STEP, WINDOW, lineTone } from "../js/lib/lines.js";

const filled = (count) => {
  const log = new LineWindow();
  for (let i = 0; i < count; i++) log.push({ text: `line ${i}` });
  return log;
};

test("a hundred thousand lines at once draw only the newest window", () => {
  const log = filled(100000);

  const [fresh, drop] = log.advance();

  assert.equal(fresh.length, WINDOW);
  assert.equal(fresh.at(-1).text, "line 99999");
  assert.equal(drop, 0);
  assert.equal(log.hiddenBefore, 100000 - WINDOW);
});

test("new lines push old ones out of the page, never out of memory", () => {
  const log = filled(WINDOW);
  log.advance();
  log.push({ text: "a" }, { text: "b" });

  const [fresh, drop] = log.advance();

  assert.deepEqual(fresh.map((line) => line.text), ["a", "b"]);
  assert.equal(drop, 2);
  assert.equal(log.lines.length, WINDOW + 2);
});

test("scrolling up gives older lines and drops from the end; down again gives them back", () => {
  const log = filled(10000);
  log.advance();

  const [older, dropped] = log.retreat();
  const [again] = log.advance(STEP);

  assert.equal(older.length, STEP);
  assert.equal(older[0].text, `line ${10000 - WINDOW - STEP}`);
  assert.equal(dropped, STEP);
  assert.equal(again.at(-1).text, "line 9999");
});

test("finding goes round and says when there is nothing", () => {
  const log = filled(50);

  assert.equal(log.find("LINE 4", 0), 4);
  assert.equal(log.find("line 4", 4), 40);
  assert.equal(log.find("line 4", 49), 4);
  assert.equal(log.find("nothing", 0), -1);
  assert.equal(log.centre(40)[0].text, "line 0");
});

test("warnings and errors are told by the first words", () => {
  assert.equal(lineTone("WARNING: loss rises"), "w");
  assert.equal(lineTone("Traceback (most recent call last):"), "e");
  assert.equal(lineTone("ValueError: x"), "");
  assert.equal(lineTone("fold 1 of 5"), "");
});
