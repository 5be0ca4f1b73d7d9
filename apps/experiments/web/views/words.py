"""Saving words: the form comes back with its text, and a stale one shows both versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.core.errors import Conflict, Invalid
from apps.experiments.web.forms import WordsForm

Save = Callable[[dict[str, Any], "int | None"], Any]


def words_page(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    form_class: type[WordsForm],
    stored: Callable[[], Any],
    save: Save,
) -> HttpResponse | None:
    """Show or save a form over the fields of a row; None once it is saved.

    `stored()` reads the row again; `save(fields, row_version)` is the service's call.
    """
    row = stored()
    names = [name for name in form_class.base_fields if name != "row_version"]
    if request.method != "POST":
        initial = {name: getattr(row, name) for name in names} | {"row_version": row.row_version}
        return render(request, template, {**context, "form": form_class(initial=initial, label_suffix="")})
    form = form_class(request.POST, label_suffix="")
    if not form.is_valid():
        return render(request, template, {**context, "form": form}, status=422)
    try:
        save(form.words(), form.cleaned_data.get("row_version"))
    except Invalid as refusal:
        for name, messages in refusal.fields.items():
            form.add_error(name if name in form.fields else None, " ".join(messages))
        return render(request, template, {**context, "form": form}, status=422)
    except Conflict as refusal:
        return _conflict(request, template, context, form_class, stored(), form.words(), refusal)
    return None


def _conflict(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    form_class: type[WordsForm],
    row: Any,
    mine: dict[str, Any],
    refusal: Conflict,
) -> HttpResponse:
    differences = [
        (form_class.base_fields[name].label, getattr(row, name), text)
        for name, text in mine.items()
        if getattr(row, name) != text
    ]
    form = form_class(initial={**mine, "row_version": row.row_version}, label_suffix="")
    shown = {**context, "form": form, "refused": refusal, "stale": refusal.code == "stale", "differences": differences}
    return render(request, template, shown, status=409)
