/* Paper is light and has no scrolling: before a page is printed its theme turns light, what is folded opens and every
   chart is drawn at the width of the sheet. Afterwards all is as it was. */
const root = document.documentElement;
let theme = "light";
let opened = [];

const charts = () => {
  if (globalThis.Plotly) for (const figure of document.querySelectorAll("plot-figure")) figure.draw();
};

addEventListener("beforeprint", () => {
  theme = root.dataset.bsTheme;
  root.dataset.bsTheme = "light";
  root.classList.add("is-print");
  opened = [...document.querySelectorAll("main details:not(.fw-menu, [open])")];
  for (const one of opened) one.open = true;
  charts();
});

addEventListener("afterprint", () => {
  root.dataset.bsTheme = theme;
  root.classList.remove("is-print");
  for (const one of opened) one.open = false;
  charts();
});
