"""The "try it" form, built from the signature of the version that answers."""

from __future__ import annotations

import math
from typing import Any

from django import forms

_WHOLE = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
_NUMBER = ("FP16", "FP32", "FP64")


def _field(tensor: dict[str, Any]) -> forms.Field:
    kind, required, levels = tensor.get("datatype"), bool(tensor.get("required", True)), tensor.get("levels")
    common: dict[str, Any] = {"label": tensor["name"], "required": required}
    if kind in _WHOLE:
        return forms.IntegerField(**common)
    if kind in _NUMBER:
        return forms.FloatField(**common)
    if kind == "BOOL":
        return forms.TypedChoiceField(
            choices=[("true", "true"), ("false", "false")], coerce=lambda value: value == "true", **common
        )
    if levels:
        choices = [(str(level), str(level)) for level in levels]
        return forms.ChoiceField(choices=choices if required else [("", "not known"), *choices], **common)
    return forms.CharField(max_length=1000, **common)


def _shown(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


class TryForm(forms.Form):
    """One field an input; names are prefixed so that no input can shadow an attribute of the form."""

    def __init__(self, signature: dict[str, Any], *args: Any, row: dict[str, Any] | None = None, **kwargs: Any) -> None:
        names = {tensor["name"]: f"in-{index}" for index, tensor in enumerate(signature.get("inputs", []))}
        initial = {names[name]: _shown(value) for name, value in (row or {}).items() if name in names}
        super().__init__(*args, **{**kwargs, "initial": initial})
        self.names = {f"in-{index}": tensor["name"] for index, tensor in enumerate(signature.get("inputs", []))}
        for index, tensor in enumerate(signature.get("inputs", [])):
            self.fields[f"in-{index}"] = _field(tensor)

    def record(self) -> dict[str, Any]:
        """The row as the gateway takes it; inputs left empty are left out."""
        return {
            self.names[key]: value
            for key, value in self.cleaned_data.items()
            if value not in (None, "") and not (isinstance(value, float) and math.isnan(value))
        }

    def take_errors(self, errors: dict[str, str]) -> None:
        """Put the gateway's refusals at their fields."""
        by_name = {name: key for key, name in self.names.items()}
        for name, text in errors.items():
            self.add_error(by_name.get(name), text)
