/* Figures: tokens to colours, the common layout, rows to CSV. Pure functions. */

/** "$name" becomes a token's value, "$name/0.2" the same with that opacity; anything else stays. */
export const paint = (value, token) => {
  if (typeof value === "string") {
    if (value[0] !== "$") return value;
    const [name, alpha] = value.slice(1).split("/");
    const colour = token(name);
    return alpha && colour ? withAlpha(colour, Number(alpha)) : colour || value;
  }
  if (Array.isArray(value)) return value.map((item) => paint(item, token));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, paint(item, token)]));
  }
  return value;
};

export const withAlpha = (hex, alpha) => {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex);
  return match ? `rgba(${match.slice(1).map((part) => parseInt(part, 16)).join(", ")}, ${alpha})` : hex;
};

/** Deep merge of plain objects; lists and values replace. */
export const merge = (base, over) => {
  const out = { ...base };
  for (const [key, value] of Object.entries(over ?? {})) {
    const deep = value && typeof value === "object" && !Array.isArray(value) && typeof out[key] === "object";
    out[key] = deep ? merge(out[key], value) : value;
  }
  return out;
};

const AXIS = {
  gridcolor: "$grid", linecolor: "$line-2", zerolinecolor: "$line-2", zerolinewidth: 1, tickcolor: "$line-2",
  ticks: "", automargin: true, tickfont: { size: 11, color: "$text-3" }, title: { font: { size: 12, color: "$text-2" }, standoff: 8 },
};

export const LAYOUT = {
  font: { family: "$font", size: 12, color: "$text-2" }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
  margin: { l: 56, r: 16, t: 8, b: 40 }, showlegend: false, hovermode: "closest", dragmode: false, separators: ".\u202f",
  hoverlabel: { bgcolor: "$text", bordercolor: "$text", align: "left", font: { family: "$font", size: 12, color: "$surface" } },
  legend: { orientation: "h", x: 0, y: 1.12, font: { size: 12 } },
  colorway: ["$candidate", "$live", "$baseline", "#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00"],
};

/** The layout of a figure on this page; every axis that it names gets the common look. */
export const layoutOf = (layout = {}, small = null) => {
  const asked = merge(layout, small);
  const axes = new Set(["xaxis", "yaxis", ...Object.keys(asked).filter((key) => /^[xy]axis\d*$/.test(key))]);
  const base = { ...LAYOUT, ...Object.fromEntries([...axes].map((key) => [key, AXIS])) };
  return merge(base, titled(asked));
};

/** `title: "text"` on an axis is short for `title: {text}`; otherwise it would lose the common font. */
const titled = (layout) =>
  Object.fromEntries(
    Object.entries(layout).map(([key, value]) =>
      /^[xy]axis\d*$/.test(key) && typeof value?.title === "string"
        ? [key, { ...value, title: { text: value.title } }]
        : [key, value],
    ),
  );

/** Rows to CSV; what a spreadsheet would run as a formula gets a quote in front. */
export const csv = (rows) =>
  "\ufeff" +
  rows
    .map((row) =>
      row
        .map((cell) => {
          const text = String(cell).trim().replaceAll("\u202f", " ").replaceAll("\u2212", "-");
          const number = /^[-+]?[\d ]*\.?\d+( %)?$/.test(text);
          const safe = !number && /^[=+\-@\t\r|%]/.test(text) ? `'${text}` : number ? text.replaceAll(" ", "") : text;
          return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
        })
        .join(","),
    )
    .join("\r\n");
