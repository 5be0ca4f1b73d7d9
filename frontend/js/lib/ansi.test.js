import assert from "node:assert/strict";
import test from "node:test";
import { plain, spans } from "./ansi.js";

const ESC = "\u001b";

test("colours and weights are kept by name", () => {
  assert.deepEqual(spans(`${ESC}[1;31mbad${ESC}[0m and ${ESC}[92mgood`), [
    { text: "bad", look: "red bold" },
    { text: " and ", look: "" },
    { text: "good", look: "green" },
  ]);
});

test("numbers of a rich colour are no codes of their own", () => {
  assert.deepEqual(spans(`${ESC}[38;5;31mx${ESC}[48;2;1;31;2my`), [{ text: "x", look: "" }, { text: "y", look: "" }]);
});

test("nothing moves a cursor, makes a link or sets a title", () => {
  const hostile = `${ESC}]8;;http://evil${ESC}\\link${ESC}]8;;\u0007 ${ESC}[2J${ESC}[10;1Hdone\u0008\u0007`;
  assert.equal(spans(hostile).map((span) => span.text).join(""), "link done");
  assert.equal(plain(hostile), "link done");
});
