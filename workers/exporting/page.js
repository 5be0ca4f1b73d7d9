/* Draws the figures of the page in the colours of its style sheet; every number of them is in the table below. */
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const boxes = [...document.querySelectorAll("figure[data-chart]")];
  const paint = (value, colour, key) => {
    if (Array.isArray(value)) return value.map((one) => paint(one, colour));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, paint(one, colour, name)]));
    return key === "color" && typeof value === "string" && value.startsWith("$") ? colour(value.slice(1)) : value;
  };
  const draw = () => {
    const style = getComputedStyle(root);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const small = innerWidth < 600;
    for (const figure of boxes) figure.hidden = false; // all at once: each takes its place before the first is measured
    for (const figure of boxes) {
      const { data, layout } = paint(JSON.parse(figure.querySelector("script").textContent), colour);
      const axis = { gridcolor: colour("grid"), linecolor: colour("line"), zerolinecolor: colour("line") };
      layout.font = { family: "system-ui, sans-serif", size: small ? 11 : 12, color: colour("text-2") };
      layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
      layout.xaxis = { ...axis, ...layout.xaxis };
      layout.yaxis = { ...axis, ...layout.yaxis };
      layout.legend = { orientation: "h", x: 0, y: 1, yanchor: "bottom" };
      if (small && layout.yaxis.ticktext) {
        layout.margin.l = 116;
        layout.yaxis.ticktext = layout.yaxis.ticktext.map((text) => (text.length > 17 ? `${text.slice(0, 16)}…` : text));
      }
      const box = figure.querySelector("div");
      box.style.height = `${layout.height}px`;
      globalThis.Plotly.react(box, data, layout, { displayModeBar: false, responsive: true, showTips: false });
    }
  };
  const printed = (on) => {
    root.classList.toggle("is-print", on);
    draw();
  };
  draw();
  dark.addEventListener("change", draw);
  addEventListener("beforeprint", () => printed(true));
  addEventListener("afterprint", () => printed(false));
})();
