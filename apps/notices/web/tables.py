"""The table of notices."""

from django.db.models import Q

from apps.core.tables import BooleanFilter, Column, Table, TextFilter

NOTICES = Table(
    key="notices",
    noun="notice",
    label="Notices",
    columns=[
        Column("title", "Notice", template="notices/_notice_cell.html", wrap=True),
        Column("team", "Team", value="team.name"),
        Column("at", "When", sort="created_at", value="created_at", format="ago"),
        Column("state", "State", sort="read_at", format="state", value=lambda n: "READ" if n.read_at else "UNREAD"),
        Column("mail", "Mail", value="mail", format="state", default_visible=False),
    ],
    filters=[
        TextFilter("q", "Find a notice", ["title", "text"]),
        BooleanFilter("unread", "Unread only", Q(read_at__isnull=True)),
    ],
    default_sort="-at",
    csv=False,
    empty_title="No notices",
    empty_text="You are told here when a decision waits, is taken or goes stale, and when your jobs end.",
)
