"""The base of serializers that show rows of a table."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any, TypeVar

from django.db.models import Model
from rest_framework import serializers

_Row = TypeVar("_Row", bound=Model)
Fields = dict[str, serializers.Field[Any, Any, Any, Any]]


@cache
def _fields_of(kind: type[ModelSerializer[Any]]) -> Fields:
    return super(ModelSerializer, kind()).get_fields()


class ModelSerializer(serializers.ModelSerializer[_Row]):
    """Makes its fields out of the model's once a process; each answer gets copies.

    REST framework asks the model for every field, label and constraint again whenever it answers, which was most of
    the time of a small one.
    """

    def get_fields(self) -> Fields:
        return copy.deepcopy(_fields_of(type(self)))
