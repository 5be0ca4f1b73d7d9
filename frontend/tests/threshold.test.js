import assert from "node:assert/strict";
import { test } from "node:test";
import { changeText, countsAt, endsText, metricAt, valueText, wilson } from "../js/lib/threshold.js";

const Z = 1.959963984540054;
const BINS = [0, 30, 2, 99, 8, 5, 100, 6, 9, 150, 4, 36];

test("a threshold splits the bins at its edge, and both ends hold everybody", () => {
  assert.deepEqual(countsAt(BINS, 100), { tn: 38, fp: 10, fn: 7, tp: 45 });
  assert.deepEqual(countsAt(BINS, 0), { tn: 0, fp: 48, fn: 0, tp: 52 });
  assert.deepEqual(countsAt(BINS, 200), { tn: 48, fp: 0, fn: 52, tp: 0 });
});

test("Wilson's interval is that of the analysis, exact at both ends", () => {
  const [low, high] = wilson(7, 52, Z);

  assert.ok(Math.abs(low - 0.06676) < 1e-4);
  assert.ok(Math.abs(high - 0.25274) < 1e-4);
  assert.equal(wilson(0, 10, Z)[0], 0);
  assert.equal(wilson(10, 10, Z)[1], 1);
  assert.equal(wilson(0, 0, Z), null);
});

test("rates and money follow from the counts; what has no rows is undefined", () => {
  const counts = countsAt(BINS, 100);
  const prices = { false_positive: 12, false_negative: 4 };

  assert.equal(metricAt("fnr", counts, prices, Z).value, 7 / 52);
  assert.equal(metricAt("fpr", counts, prices, Z).value, 10 / 48);
  assert.equal(metricAt("precision", counts, prices, Z).value, 45 / 55);
  assert.equal(metricAt("selection_rate", counts, prices, Z).value, 0.55);
  assert.equal(metricAt("cost_per_100", counts, prices, Z).value, 148);
  assert.equal(metricAt("precision", countsAt(BINS, 200), prices, Z).value, null);
  const { ends } = metricAt("cost_per_100", counts, prices, Z);
  assert.ok(Math.abs(ends[0] - 92.4115312) < 1e-6 && Math.abs(ends[1] - 241.23334976) < 1e-6);
});

test("numbers read as the server writes them", () => {
  assert.equal(valueText("fnr", 0.36349), "36.3");
  assert.equal(valueText("cost_per_100", 16797.4), "16\u202f797");
  assert.equal(valueText("cost_per_100", 14.5), "14.50");
  assert.equal(valueText("precision", null), "–");
  assert.equal(endsText("fnr", [0.301, 0.429]), "[30.1, 42.9]");
  assert.equal(endsText("cost_per_100", [99.2, 250]), "[99, 250]");
  assert.equal(changeText("fnr", 0.4, 0.388), "+1.2");
  assert.equal(changeText("cost_per_100", 100, 440), "\u2212340");
  assert.equal(changeText("fnr", 0.4, 0.4), "±0.0");
  assert.equal(changeText("fnr", null, 0.4), "");
});
