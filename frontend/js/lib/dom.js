/* Small helpers on the page: build elements without markup in strings, read what the server left in <meta>. */

/** `el("a", {href: "/x", class: "btn"}, "text", child)`: attributes that are null, false or undefined are left out. */
export const el = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};

const SVG = "http://www.w3.org/2000/svg";

const sprite = (id, css) => {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", css);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${setting("sprite")}#${id}`);
  svg.append(use);
  return svg;
};

export const icon = (name, css = "") => sprite(`i-${name}`, `fw-ic ${css}`);

export const mark = (shape, css = "") => {
  const svg = sprite(`m-${shape}`, `fw-mk ${css} ${shape === "spin" ? "fw-spin" : ""}`);
  svg.setAttribute("viewBox", "0 0 16 16");
  return svg;
};

/** What the server says about itself: sprite, plotly, liveUrl, livePort. */
export const setting = (name) => document.querySelector('meta[name="fairway"]')?.dataset[name] ?? "";

export const cookie = (name) =>
  document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";

export const setCookie = (name, value) => {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
};

export const csrf = () =>
  document.querySelector('meta[name="csrf-token"]')?.content || cookie("fairway_csrf");

/** True where a plain letter is typing, not a command. */
export const isTyping = (target) =>
  target instanceof Element &&
  (target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]") !== null);

export const toast = (text, tone = "info") =>
  document.dispatchEvent(new CustomEvent("fw:toast", { detail: { text, tone } }));
