"""Tables: paging by key never loses or doubles a row, the address holds the state, a file cannot carry a formula."""

from __future__ import annotations

import csv
import io
import random
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db.models import F, Value
from django.db.models.functions import Length, NullIf
from django.template.loader import render_to_string
from django.test import RequestFactory

from apps.accounts.models import User
from apps.core.search_pages import Column as Sorted
from apps.core.tables import (
    BooleanFilter,
    BoundTable,
    BulkAction,
    ChoiceFilter,
    Column,
    DateFilter,
    NumberFilter,
    Table,
    TextFilter,
    table_response,
)
from apps.core.tables.keyset import Edge, Order, page_of
from apps.core.tables.response import safe_cell

START = datetime(2026, 11, 3, 12, tzinfo=UTC)


def people_make(count: int, seed: int = 0) -> list[User]:
    """People with few different names and many empty sign-in times, so that ties and NULLs meet at page ends."""
    draw = random.Random(seed)
    return User.objects.bulk_create(
        User(
            username=f"person{i:03}",
            email=f"person{i:03}@example.org",
            first_name=draw.choice(["Ada", "Bo", "Cy", ""]),
            last_login=draw.choice([None, START, START + timedelta(days=1), START + timedelta(microseconds=i)]),
            is_staff=i % 5 == 0,
        )
        for i in range(count)
    )


def seen_walk(rows, descending: bool):
    """Those who were seen, then those who never were; ties by name, which may be missing."""
    first = Sorted(NullIf("first_name", Value("")), nullable=True)
    return [
        (rows.filter(last_login__isnull=False), [Sorted(F("last_login"), descending), first, Sorted(F("id"))]),
        (rows.filter(last_login__isnull=True), [first, Sorted(F("id"), descending)]),
    ]


PEOPLE = Table(
    key="people",
    columns=[
        Column("username", "Name", sort="username", link=True),
        Column("first", "First name", sort="first_name", value="first_name"),
        Column("seen", "Last seen", sort="last_login", value="last_login", format="ago"),
        Column(
            "length",
            "Length",
            sort=NullIf(Length("first_name"), Value(0)),
            value=lambda u: len(u.first_name) or None,
            format="num",
        ),
        Column("email", "Address", default_visible=False),
        Column("walked", "Last seen, walked", sort=seen_walk, value="last_login", default_visible=False),
    ],
    filters=[
        TextFilter("q", "Find a person", ["username", "email"]),
        ChoiceFilter("first", "First name", [("Ada", "Ada L."), ("Bo", "Bo"), ("Cy", "Cy")], lookup="first_name"),
        BooleanFilter("is_staff", "Staff only"),
        DateFilter("since", "Seen since", "last_login", "gte"),
        NumberFilter("most", "Most", "last_team_id", "lte"),
    ],
    default_sort="username",
    row_url=lambda user: f"/people/{user.pk}/",
    select=True,
    bulk=[BulkAction("Compare", "/people/compare/", least=2)],
)


def bind(query: str = "", spec: Table = PEOPLE, **headers: str) -> BoundTable:
    return spec.bind(RequestFactory().get(f"/people/?{query}", headers=headers), User.objects.all())


WALKED = ["walked", "-walked"]


def walk(query: str, step: str = "next_url") -> list[str]:
    """Names on all pages, following the addresses that the pager offers."""
    names, table = [], bind(query)
    pages = 0
    while True:
        page = [row.object.username for row in table.rows]
        names = page + names if step == "previous_url" else names + page
        url = getattr(table, step)
        pages += 1
        assert pages < 100
        if not url:
            return names
        table = bind(urlsplit(url).query)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "sort", ["username", "-username", "first", "-first", "seen", "-seen", "length", "-length", *WALKED]
)
@pytest.mark.parametrize("size", [1, 7, 50])
def test_pages_forward_hold_each_row_once_in_order_with_nulls_last(sort: str, size: int):
    people_make(43 if size > 1 else 13)
    down, key = sort.startswith("-"), sort.lstrip("-")

    names = walk(f"sort={sort}&size={size}")

    people = {u.username: u for u in User.objects.all()}
    assert sorted(names) == sorted(people)
    column = next(c for c in PEOPLE.columns if c.key == key)
    values = [column.raw(people[name]) for name in names]
    known = [v for v in values if v is not None]
    assert values[: len(known)] == known, "NULLs are last"
    assert known == sorted(known, reverse=down)


@pytest.mark.django_db
@pytest.mark.parametrize("sort", ["first", "-first", "seen", "-seen", "length", "-length", *WALKED])
def test_pages_backward_mirror_pages_forward(sort: str):
    people_make(43)
    forward = walk(f"sort={sort}&size=6")
    table = bind(f"sort={sort}&size=6")
    while table.next_url:
        table = bind(urlsplit(table.next_url).query)

    backward = [row.object.username for row in table.rows]
    while table.previous_url:
        table = bind(urlsplit(table.previous_url).query)
        backward = [row.object.username for row in table.rows] + backward

    assert backward == forward


@pytest.mark.django_db
def test_rows_that_arrive_meanwhile_do_not_shift_the_next_page():
    people_make(20)
    first = bind("size=10")
    shown = {row.object.username for row in first.rows}
    User.objects.create(username="aaa", email="aaa@example.org")

    second = bind(urlsplit(first.next_url).query)

    assert not shown & {row.object.username for row in second.rows}
    assert second.shown == 10


@pytest.mark.django_db
def test_a_required_field_is_sorted_without_care_for_nulls_so_that_its_index_serves():
    order = bind("sort=username").order

    sql = str(order.sort(order.annotate(User.objects.all())).query)

    assert not order.nullable
    assert "NULLS" not in sql


@pytest.mark.django_db
@pytest.mark.parametrize(
    "cursor", ["", "!!", "eyJ9", "W10", "WyJ4Il0", Edge("no time", "no id").encode(), Edge(3, 4).encode()]
)
def test_a_cursor_that_cannot_be_read_means_the_first_page(cursor: str):
    people_make(5)

    table = bind(f"sort=seen&after={cursor}")

    assert table.shown == 5


@pytest.mark.parametrize("value", [None, 3, 2.5, "x", True, START, START.date(), timedelta(seconds=3)])
def test_cursor_keeps_value_and_type(value: object):
    edge = Edge(value, "p")

    assert Edge.decode(edge.encode()) == edge


@pytest.mark.django_db
def test_order_by_id_alone_pages_too():
    people_make(9)

    newest = page_of(User.objects.all(), Order(None, descending=True), 4)
    older = page_of(User.objects.all(), Order(None, descending=True), 4, after=newest.next)

    ids = [u.pk for u in newest.rows + older.rows]
    assert ids == sorted(ids, reverse=True)
    assert newest.previous is None
    assert older.previous is not None


@pytest.mark.django_db
def test_at_most_two_hundred_rows():
    people_make(210)

    assert bind("size=100000").shown == 200
    assert bind("size=0").shown == 1
    assert bind("size=x").shown == 50


@pytest.mark.django_db
def test_filters_narrow_and_read_as_chips():
    people_make(30)

    table = bind("first=Ada&first=Bo&is_staff=1&since=2026-11-03")

    expected = User.objects.filter(first_name__in=["Ada", "Bo"], is_staff=True, last_login__gte="2026-11-03T00:00Z")
    assert {r.object.pk for r in table.rows} == set(expected.values_list("pk", flat=True))
    assert [(c.label, c.words) for c in table.chips] == [
        ("First name", "Ada L. or Bo"),
        ("Staff only", "yes"),
        ("Seen since", "2026-11-03"),
    ]
    without = parse_qs(urlsplit(table.chips[0].remove_url).query)
    assert without == {"is_staff": ["1"], "since": ["2026-11-03"]}
    assert urlsplit(table.clear_url).query == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    ["first=Zed", "since=yesterday", "since=2026-99-99", "most=nan", "most=x", "is_staff=0", "sort=-nothing", "q=%20"],
)
def test_a_filter_value_that_makes_no_sense_is_ignored(query: str):
    people_make(3)

    assert bind(query).shown == 3


@pytest.mark.django_db
def test_text_filter_needs_every_word():
    people_make(12)

    assert bind("q=person00 example").shown == 10
    assert bind("q=person003 example").shown == 1
    assert bind("q=person003 elsewhere").shown == 0


@pytest.mark.django_db
def test_columns_are_chosen_in_the_address_and_the_link_column_stays():
    assert [c.key for c in bind().visible] == ["username", "first", "seen", "length"]
    assert [c.key for c in bind("cols=email&cols=seen").visible] == ["username", "seen", "email"]
    assert [c.key for c in bind("cols=email,first").visible] == ["username", "first", "email"]


@pytest.mark.django_db
def test_changing_sort_or_filter_goes_back_to_the_first_page():
    people_make(20)
    table = bind(urlsplit(bind("size=5").next_url).query)

    assert "after" in parse_qs(urlsplit(f"?{table.request.GET.urlencode()}").query)
    assert all("after" not in head.sort_url for head in table.heads)
    assert "after" not in table.clear_url
    assert "after" not in table.csv_url
    assert "size=5" in table.heads[0].sort_url


@pytest.mark.django_db
def test_count_stops_at_the_limit(django_assert_max_num_queries):
    people_make(30)
    small = Table(key="s", columns=PEOPLE.columns, count_limit=10, per_page=5)

    table = bind("", small)

    assert table.count == 11
    assert not table.count_is_exact
    with django_assert_max_num_queries(1):
        assert bind("", Table(key="s", columns=PEOPLE.columns)).count == 30


@pytest.mark.django_db
def test_page_draws_with_two_queries(django_assert_num_queries):
    people_make(60)

    with django_assert_num_queries(2):
        html = render_to_string("components/table.html", {"table": bind("sort=-seen")})

    assert html.count("<tr data-href=") == 50
    assert 'aria-sort="descending"' in html
    assert html.count('scope="row"') == 50
    assert 'style="' not in html
    assert "50 of" in re.sub(r"<[^>]+>", "", html)


@pytest.mark.django_db
def test_answer_is_page_part_or_file():
    people_make(3)
    page = table_response(bind().request, bind(), "components/empty.html", {"title": "the page"})
    aimed = bind("", PEOPLE, **{"HX-Target": "table-people", "HX-Request": "true"})
    part = table_response(aimed.request, aimed, "components/empty.html")
    back = bind("", PEOPLE, **{"HX-Target": "table-people", "HX-History-Restore-Request": "true"})
    restored = table_response(back.request, back, "components/empty.html", {"title": "the page"})
    file = table_response(bind("format=csv").request, bind("format=csv"), "components/empty.html")

    assert b"the page" in page.content
    assert b"the page" in restored.content
    assert part.content.lstrip().startswith(b'<section class="fw-card')
    assert "HX-Target" in page["Vary"]
    assert file["Content-Type"].startswith("text/csv")
    assert file["Content-Disposition"].startswith('attachment; filename="fairway-people-')


@pytest.mark.django_db
def test_file_holds_all_filtered_rows_in_order_and_no_formula():
    people_make(700)
    User.objects.filter(username="person000").update(first_name='=HYPERLINK("x")')
    User.objects.filter(username="person001").update(first_name="+1, two\nlines")

    table = bind("format=csv&size=5&sort=-username&cols=first&cols=length")
    content = b"".join(table_response(table.request, table, "components/empty.html").streaming_content).decode(
        "utf-8-sig"
    )
    rows = list(csv.reader(io.StringIO(content)))

    assert rows[0] == ["Name", "First name", "Length"]
    assert len(rows) == 701
    assert [r[0] for r in rows[1:]] == sorted((r[0] for r in rows[1:]), reverse=True)
    assert rows[-1][1] == '\'=HYPERLINK("x")'
    assert rows[-2][1] == "'+1, two\nlines"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "|calc", "%x"])
def test_text_that_a_spreadsheet_would_run_is_quoted(text: str):
    assert safe_cell(text) == f"'{text}"


def test_numbers_stay_numbers():
    assert safe_cell(-1.5) == -1.5
    assert safe_cell(7) == 7
    assert safe_cell("plain") == "plain"


@pytest.mark.django_db
def test_extra_columns_are_prepared_once_for_a_page():
    people_make(8)
    calls = []

    def attach(rows: list[User]) -> None:
        calls.append(len(rows))
        for row in rows:
            row.score = 0.5

    spec = Table(key="p", columns=PEOPLE.columns, per_page=5)
    table = spec.bind(
        RequestFactory().get("/"),
        User.objects.all(),
        columns=[Column("score", "Score", format="percent")],
        prepare=attach,
        pinned=[User.objects.first()],
    )

    html = render_to_string("components/table.html", {"table": table})

    assert calls == [6]
    assert html.count("50.0") == 6
    assert html.count("is-pin") == 1


@pytest.mark.django_db
def test_nothing_and_nothing_that_fits_say_so():
    empty = render_to_string("components/table.html", {"table": bind()})
    filtered = render_to_string("components/table.html", {"table": bind("q=zzz")})

    assert "Nothing here yet" in empty
    assert "Clear all filters" in filtered


@pytest.mark.django_db
def test_cells_are_escaped():
    User.objects.create(username="<script>x</script>", email="x@example.org", first_name='"><img src=x>')

    html = render_to_string("components/table.html", {"table": bind()})

    assert "<script>x" not in html
    assert "<img" not in html
