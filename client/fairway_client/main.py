"""The command `fairway`."""

from __future__ import annotations

import click

from fairway_client import __version__
from fairway_client.commands import (
    account,
    approvals,
    data,
    deployments,
    evaluations,
    jobs,
    lists,
    raw,
    schedules,
    sweeps,
    training,
)

GROUPS: dict[str, dict[str, click.Command]] = {
    "Account": {"login": account.sign_in, "logout": account.sign_out, "whoami": account.whoami},
    "Data": {"datasets": lists.data, "upload": data.upload, "download": data.download, "artifacts": data.artifacts},
    "Jobs": {
        "recipes": lists.recipes,
        "launch": training.launch,
        "sweep": sweeps.sweep,
        "sweeps": sweeps.sweeps,
        "schedules": schedules.schedules,
        "jobs": jobs.jobs,
        "queue": jobs.queue,
        "logs": jobs.logs,
        "cancel": jobs.cancel,
        "retry": jobs.retry,
    },
    "Models": {
        "problems": lists.problems,
        "runs": lists.runs,
        "models": lists.models,
        "register": training.register,
        "evaluations": lists.evaluations,
        "evaluate": evaluations.evaluate,
        "gates": evaluations.gates,
        "export": evaluations.export,
    },
    "Release": {
        "requests": lists.requests,
        "request": approvals.request,
        "decide": approvals.decide,
        "deployments": lists.deployments,
        "deploy": deployments.deploy,
        "predict": deployments.predict,
        "score": deployments.score,
        "rollback": deployments.rollback,
        "kill": deployments.kill,
        "pause": deployments.pause,
        "resume": deployments.resume,
    },
    "Everything else": {"call": raw.call},
}


class Grouped(click.Group):
    """Lists its commands by what they are about."""

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, command.get_short_help_str(80)) for name, command in commands.items()])


@click.group(cls=Grouped, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fairway")
def main() -> None:
    """Fairway from a shell or a script.

    Exit codes: 0 done, 1 refused, 2 wrong usage, 3 the server cannot be reached, 4 what was waited for failed.
    """


for group in GROUPS.values():
    for name, command in group.items():
        main.add_command(command, name)
