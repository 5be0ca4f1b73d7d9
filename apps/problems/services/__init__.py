"""Writing problems: one function per verb."""

from apps.problems.services.behaviour import behaviour_archive, behaviour_save
from apps.problems.services.drafts import problem_create, problem_version_edit, problem_version_new
from apps.problems.services.review import problem_accept, problem_return, problem_submit
from apps.problems.services.segments import segment_save
from apps.problems.services.states import (
    problem_activate,
    problem_archive,
    problem_close,
    problem_delete,
    problem_rename,
    problem_restore,
    problem_resume,
    problem_suspend,
)

__all__ = [
    "behaviour_archive",
    "behaviour_save",
    "problem_accept",
    "problem_activate",
    "problem_archive",
    "problem_close",
    "problem_create",
    "problem_delete",
    "problem_rename",
    "problem_restore",
    "problem_resume",
    "problem_return",
    "problem_submit",
    "problem_suspend",
    "problem_version_edit",
    "problem_version_new",
    "segment_save",
]
