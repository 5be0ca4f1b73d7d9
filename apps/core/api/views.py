"""The base of every JSON view: default-deny, actor on the request, cursor paging."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from apps.core.actors import Actor
from apps.core.api.paging import KeyPagination
from apps.core.api.permissions import IsKnownActor
from apps.core.errors import Invalid


class ApiView(APIView):
    """Base of JSON views."""

    permission_classes = [IsKnownActor]
    # Lists are answered with `page`; the API's description reads its shape here. A plain list says None.
    pagination_class: type[KeyPagination] | None = KeyPagination
    # The names of the query parameters that `query` has read.
    asked: frozenset[str] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # The middleware has resolved session or token; DRF's authentication only adds the CSRF check.
        request.actor = request._request.actor  # type: ignore[attr-defined]
        super().initial(request, *args, **kwargs)

    @property
    def actor(self) -> Actor:
        return self.request.actor  # type: ignore[no-any-return, union-attr, attr-defined]

    def input(self, serializer_class: type[Serializer[Any]], **kwargs: Any) -> dict[str, Any]:
        """Validated data of the body; raises the serializer's errors at their fields."""
        if not isinstance(self.request.data, Mapping):
            raise Invalid("The body is a JSON object with named fields, not a list or a bare value.")
        serializer = serializer_class(data=self.request.data, context={"actor": self.actor}, **kwargs)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = dict(serializer.validated_data)
        return data

    def query(self, serializer_class: type[Serializer[Any]]) -> dict[str, Any]:
        """Validated query parameters; raises the serializer's errors at their names."""
        serializer = serializer_class(data=self.request.query_params)
        self.asked = frozenset(serializer.fields)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = dict(serializer.validated_data)
        return data

    def page(
        self,
        rows: QuerySet[Any],
        serializer_class: type[Serializer[Any]],
        *,
        ordering: str | tuple[str, ...] = "-id",
        filters: Iterable[str] = (),
    ) -> Response:
        """One page of `rows` by key, with `next` and `previous` links.

        `filters` are the parameters that the view reads by itself, beside those of `query`. Raises Invalid at every
        other one: a filter that is misspelt must not answer with everything.
        """
        known = [*sorted({*self.asked, *filters}), KeyPagination.cursor_query_param, "page_size"]
        unknown = [name for name in self.request.query_params if name not in known]
        if unknown:
            told = f"There is no such parameter; this list takes {', '.join(known)}."
            raise Invalid(f"Check {', '.join(unknown)}.", fields={name: [told] for name in unknown})
        paginator = KeyPagination()
        paginator.ordering = ordering
        found = paginator.paginate_queryset(rows, self.request, view=self) or []
        shown = _shown(serializer_class)
        return paginator.get_paginated_response([shown.to_representation(row) for row in found])


@cache
def _shown(kind: type[Serializer[Any]]) -> Serializer[Any]:
    """The serializer that rows are shown with, made once a process: showing a row leaves nothing in it."""
    return kind()
