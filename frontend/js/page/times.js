/* Relative times stay true while the page is open; the absolute time is told in the person's own zone. */
import { ago } from "../lib/format.js";

const local = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });

export const tick = (root = document) => {
  const now = new Date();
  for (const node of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(node.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    if (node.title) node.title = local.format(moment);
    if ("ago" in node.dataset) node.textContent = ago(moment, now);
  }
};

tick();
setInterval(() => document.hidden || tick(), 15000);
document.addEventListener("htmx:afterSettle", (event) => tick(event.target));
