import assert from "node:assert/strict";
import { test } from "node:test";
import { csv, layoutOf, merge, paint } from "../js/lib/figure.js";

const token = (name) => ({ candidate: "#0b7a88", surface: "#ffffff" })[name] ?? "";

test("tokens become colours anywhere in a figure, with opacity when asked", () => {
  const painted = paint({ a: ["$candidate", "plain", 3], b: { c: "$candidate/0.2" }, d: "$unknown" }, token);

  assert.deepEqual(painted, { a: ["#0b7a88", "plain", 3], b: { c: "rgba(11, 122, 136, 0.2)" }, d: "$unknown" });
});

test("a figure keeps what it says and takes the rest from the house", () => {
  const layout = layoutOf({ xaxis: { title: "step" }, yaxis2: { type: "log" }, margin: { l: 90 } }, { margin: { b: 30 } });

  assert.equal(layout.xaxis.title.text, "step");
  assert.equal(layout.xaxis.title.standoff, 8);
  assert.equal(layout.yaxis2.type, "log");
  assert.equal(layout.yaxis2.gridcolor, "$grid");
  assert.deepEqual(layout.margin, { l: 90, r: 16, t: 8, b: 30 });
});

test("merge replaces lists and never changes its input", () => {
  const base = { a: { b: 1, c: [1, 2] } };

  assert.deepEqual(merge(base, { a: { c: [3] } }), { a: { b: 1, c: [3] } });
  assert.deepEqual(base, { a: { b: 1, c: [1, 2] } });
});

test("a file has plain numbers, quoted text and no formula", () => {
  const text = csv([["Segment", "Value"], ["35, and over", "17\u202f605"], ["=1+1", "\u22123.1"], ['say "x"', "+2.0"]]);

  assert.equal(text, '\ufeffSegment,Value\r\n"35, and over",17605\r\n\'=1+1,-3.1\r\n"say ""x""",+2.0');
});
