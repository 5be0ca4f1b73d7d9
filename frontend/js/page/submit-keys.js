/* Ctrl or Cmd with Enter sends a form that says so (data-submit-keys), from any of its fields. */
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const form = event.target instanceof Element ? event.target.closest("form[data-submit-keys]") : null;
  if (!form) return;
  event.preventDefault();
  form.requestSubmit(form.querySelector("button.btn-primary:not([disabled])") ?? undefined);
});
