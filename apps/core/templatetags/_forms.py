"""A Django form field drawn as the design says: label above, help below, unit inside, the error in words."""

from __future__ import annotations

from typing import Any

from django import forms, template
from django.forms import BoundField

register = template.Library()

_LISTS = (forms.RadioSelect, forms.CheckboxSelectMultiple)


def _css(widget: forms.Widget, bad: bool) -> str:
    if isinstance(widget, forms.CheckboxInput | forms.RadioSelect | forms.CheckboxSelectMultiple):
        return str(widget.attrs.get("class", ""))
    if isinstance(widget, forms.Select):
        css = "fw-select"
    elif isinstance(widget, forms.Textarea):
        css = "fw-area"
    else:
        css = "fw-in"
    given = widget.attrs.get("class", "")
    return " ".join(filter(None, (css, given, "is-bad" if bad else "")))


def _kind(widget: forms.Widget) -> str:
    if isinstance(widget, _LISTS):
        return "list"
    return "check" if isinstance(widget, forms.CheckboxInput) else "plain"


def _first_bad(bound: BoundField) -> bool:
    names = [name for name in bound.form.fields if name in bound.form.errors]
    return bool(names) and names[0] == bound.name


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, unit: str = "", help: str = "", label: str = "", css: str = "") -> dict[str, Any]:
    """Draw one field. The first bad field of a form gets the focus."""
    errors = list(bound.errors)
    text = help or bound.help_text
    identity = bound.id_for_label or bound.auto_id
    notes = [f"{identity}_help"] if text else []
    notes += [f"{identity}_error"] if errors else []
    widget = bound.field.widget
    attrs: dict[str, Any] = {}
    if style := _css(widget, bool(errors)):
        attrs["class"] = style
    if notes:
        attrs["aria-describedby"] = " ".join(notes)
    if errors:
        attrs["aria-invalid"] = "true"
        if _first_bad(bound):
            attrs["autofocus"] = True
    return {
        "bound": bound,
        "kind": _kind(widget),
        "control": bound.as_widget(attrs=attrs),
        "hidden": bound.is_hidden,
        "identity": identity,
        "label": label or bound.label,
        "help": text,
        "unit": unit,
        "errors": errors,
        "css": css,
        "optional": not bound.field.required and not isinstance(widget, forms.CheckboxInput),
    }


@register.inclusion_tag("components/form_errors.html")
def form_errors(form: forms.BaseForm) -> dict[str, Any]:
    """What is wrong with the form as a whole, and links to the fields that need a look."""
    bad = [bound for bound in form if bound.errors and not bound.is_hidden]
    hidden = [f"{bound.label}: {error}" for bound in form if bound.errors and bound.is_hidden for error in bound.errors]
    return {"whole": [*form.non_field_errors(), *hidden], "bad": bad}
