/* What another threshold does to a group, from its counts by score: the same numbers as analysis/segment_metrics/binary.py.
   Pure functions, no DOM. */

import { MINUS, UNDEFINED, fixed } from "./format.js";

/** Counts at a threshold of edge / bins: `bins` holds [bin, negatives, positives] one after another. */
export const countsAt = (bins, edge) => {
  const counts = { tn: 0, fp: 0, fn: 0, tp: 0 };
  for (let at = 0; at < bins.length; at += 3) {
    const above = bins[at] >= edge;
    counts[above ? "fp" : "tn"] += bins[at + 1];
    counts[above ? "tp" : "fn"] += bins[at + 2];
  }
  return counts;
};

/** Wilson's interval of a share: [low, high]; null without rows. */
export const wilson = (hits, n, z) => {
  if (!n) return null;
  const share = hits / n;
  const spread = 1 + z * z / n;
  const centre = (share + z * z / (2 * n)) / spread;
  const half = z / spread * Math.sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  return [share === 0 ? 0 : Math.max(centre - half, 0), share === 1 ? 1 : Math.min(centre + half, 1)];
};

const share = (hits, n, z) => ({ value: n ? hits / n : null, ends: wilson(hits, n, z) });

/** Money per 100 rows: both errors' shares with their prices, joined by square and add. */
const cost = ({ tn, fp, fn, tp }, prices, z) => {
  const n = tn + fp + fn + tp;
  if (!n) return { value: null, ends: null };
  const parts = [[fp, 100 * prices.false_positive], [fn, 100 * prices.false_negative]].map(([hits, weight]) => {
    const [low, high] = wilson(hits, n, z);
    return { value: weight * hits / n, below: weight * (hits / n - low), above: weight * (high - hits / n) };
  });
  const value = parts[0].value + parts[1].value;
  return { value, ends: [Math.max(value - Math.hypot(parts[0].below, parts[1].below), 0), value + Math.hypot(parts[0].above, parts[1].above)] };
};

/** Value and ends of a metric by its name; null where it is undefined. */
export const metricAt = (name, counts, prices, z) => {
  const { tn, fp, fn, tp } = counts;
  switch (name) {
    case "selection_rate": return share(fp + tp, tn + fp + fn + tp, z);
    case "fnr": return share(fn, fn + tp, z);
    case "fpr": return share(fp, fp + tn, z);
    case "precision": return share(tp, tp + fp, z);
    case "cost_per_100": return cost(counts, prices, z);
    default: return { value: null, ends: null };
  }
};

const MONEY = "cost_per_100";

/** "36.3", "16 797"; "–" where undefined: as apps/evaluations/contracts/numbers.py writes it. */
export const valueText = (name, value) => {
  if (value === null) return UNDEFINED;
  return name === MONEY ? fixed(value, Math.abs(value) >= 100 ? 0 : 2) : fixed(100 * value, 1);
};

/** "[30.1, 42.9]"; empty without an interval. */
export const endsText = (name, ends) => {
  if (!ends) return "";
  const decimals = name === MONEY ? (Math.max(...ends.map(Math.abs)) >= 100 ? 0 : 2) : 1;
  return `[${ends.map((end) => fixed(name === MONEY ? end : 100 * end, decimals)).join(", ")}]`;
};

/** The difference to today with its sign: "+1.2", "−340", "±0.0". */
export const changeText = (name, value, today) => {
  if (value === null || today === null) return "";
  const text = valueText(name, value - today);
  if (text.startsWith(MINUS)) return text;
  return /[1-9]/.test(text) ? `+${text}` : `±${text}`;
};
