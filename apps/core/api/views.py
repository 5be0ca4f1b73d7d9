"""The base of every JSON view: default-deny, actor on the request, cursor paging."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from apps.core.actors import Actor
from apps.core.api.paging import KeyPagination
from apps.core.api.permissions import IsKnownActor


class ApiView(APIView):
    """Base of JSON views."""

    permission_classes = [IsKnownActor]
    # Lists are answered with `page`; the API's description reads its shape here. A plain list says None.
    pagination_class: type[KeyPagination] | None = KeyPagination

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # The middleware has resolved session or token; DRF's authentication only adds the CSRF check.
        request.actor = request._request.actor  # type: ignore[attr-defined]
        super().initial(request, *args, **kwargs)

    @property
    def actor(self) -> Actor:
        return self.request.actor  # type: ignore[no-any-return, union-attr, attr-defined]

    def input(self, serializer_class: type[Serializer[Any]], **kwargs: Any) -> dict[str, Any]:
        """Validated data of the body; raises the serializer's errors at their fields."""
        serializer = serializer_class(data=self.request.data, context={"actor": self.actor}, **kwargs)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = dict(serializer.validated_data)
        return data

    def query(self, serializer_class: type[Serializer[Any]]) -> dict[str, Any]:
        """Validated query parameters; raises the serializer's errors at their names."""
        serializer = serializer_class(data=self.request.query_params)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = dict(serializer.validated_data)
        return data

    def page(
        self, rows: QuerySet[Any], serializer_class: type[Serializer[Any]], *, ordering: str | tuple[str, ...] = "-id"
    ) -> Response:
        """One page of `rows` by key, with `next` and `previous` links."""
        paginator = KeyPagination()
        paginator.ordering = ordering
        found = paginator.paginate_queryset(rows, self.request, view=self)
        return paginator.get_paginated_response(serializer_class(found, many=True).data)
