/* htmx: the token on every write, tidy addresses, refusals in words. */
import { csrf, el, toast } from "../lib/dom.js";

document.addEventListener("htmx:configRequest", (event) => {
  const { verb, headers, formData } = event.detail;
  if (verb !== "get") {
    headers["X-CSRFToken"] = csrf();
    return;
  }
  // Empty inputs of a filter form do not belong in the address.
  for (const key of new Set([...(formData?.keys() ?? [])])) {
    const values = formData.getAll(key).filter((value) => value !== "");
    formData.delete(key);
    values.forEach((value) => formData.append(key, value));
  }
});

// A form that comes back with its errors, or the newer version after a conflict, is content.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if ([409, 422].includes(xhr.status) && xhr.getResponseHeader("Content-Type")?.startsWith("text/html")) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

// A part that the page asks for by itself says in its own place that it did not come: a skeleton would promise it for ever.
const missed = ({ elt }, reference) => {
  if (!elt.matches("[hx-trigger~='load']")) return false;
  const again = () => window.htmx.ajax("GET", elt.getAttribute("hx-get"), { source: elt, target: elt, swap: "outerHTML" });
  const text = `This part could not be loaded.${reference ? ` Reference ${reference}.` : ""}`;
  const button = el("button", { type: "button", class: "btn btn-sm", onclick: again }, "Try again");
  elt.replaceChildren(el("div", { class: "fw-missed", role: "alert" }, el("span", {}, text), button));
  return true;
};

document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  const reference = event.detail.xhr.getResponseHeader("X-Request-ID");
  if (missed(event.detail, reference)) return;
  const why =
    status === 503 ? "A part of the system cannot be reached. Nothing was changed; try again in a few seconds."
    : status === 403 ? "You may not do this. Nothing was changed."
    : status === 404 ? "This is no longer there."
    : "The server could not do this. Nothing is known to have been changed.";
  toast(reference ? `${why} Reference ${reference}.` : why, "bad");
});

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (!missed(event.detail, "")) toast("The server could not be reached. Check the connection and try again.", "bad");
  });
}

document.addEventListener("htmx:afterSwap", (event) => {
  event.detail.elt?.querySelector?.("[aria-invalid=true]")?.focus();
});
