"""Tables that are sorted by walks and filtered in words."""

from __future__ import annotations

import csv
import io

import pytest
from django.template.loader import render_to_string

from apps.core.errors import Invalid
from apps.core.tables import LanguageFilter, Table, table_response
from apps.core.tests.test_tables import PEOPLE, bind, people_make, walk


@pytest.mark.django_db
def test_a_file_follows_a_walk():
    people_make(30)
    table = bind("format=csv&sort=-walked&cols=seen")

    content = b"".join(table_response(table.request, table, "components/empty.html").streaming_content).decode()

    names = [row[0] for row in csv.reader(io.StringIO(content))][1:]
    assert names == walk("sort=-walked&size=7")


@pytest.mark.django_db
def test_a_filter_that_cannot_be_read_lists_nothing_says_so_and_makes_no_file():
    def narrow(rows, text: str):
        if "?" in text:
            raise Invalid.field("filter", "Invalid filter, character 3: what is that?")
        return rows.filter(username=text)

    people_make(3)
    spec = Table(key="p", columns=PEOPLE.columns, filters=[LanguageFilter("filter", "Filter", narrow=narrow)])
    good, bad = bind("filter=person001", spec), bind("filter=a%3F&format=csv", spec)

    html = render_to_string("components/table.html", {"table": bad})

    assert [row.object.username for row in good.rows] == ["person001"]
    assert bad.rows == []
    assert "character 3: what is that?" in html
    assert 'aria-invalid="true"' in html
    with pytest.raises(Invalid):
        table_response(bad.request, bad, "components/empty.html")
