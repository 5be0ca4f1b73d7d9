"""Command line of the stack inside its environment: `python -m controlplane.stack run | supervise | manage`."""

from __future__ import annotations

import argparse
import os
import sys

from controlplane.stack.config import config_read
from controlplane.stack.guard import guard_run
from controlplane.stack.messages import StackError, say
from controlplane.stack.services import service_specs


def main(arguments: list[str]) -> int:
    """Dispatch one command. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m controlplane.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("run", "start everything"), ("supervise", "what run starts under its guard")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--print-accounts", action="store_true", help="print the demo accounts, run the demo once")
        command.add_argument("--embedded-only", action="store_true", help="database and queue alone")
        command.add_argument("--not-durable", action="store_true", help="for tests: faster, may lose data")
        command.add_argument("--until-input-ends", action="store_true", help="stop when standard input is closed")
    manage = commands.add_parser("manage", help="run manage.py with the addresses of the embedded servers")
    manage.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    try:
        config = config_read()
        if options.command == "manage":
            from controlplane.stack.manage import manage_run

            return manage_run(config, options.arguments)
        flags = [argument for argument in arguments[1:] if argument.startswith("--")]
        if options.command == "run":
            supervise = [sys.executable, "-m", "controlplane.stack", "supervise", *flags]
            return guard_run(supervise, config.home)
        from controlplane.stack.supervisor import Supervisor

        supervisor = Supervisor(
            config,
            services=None if options.embedded_only else service_specs,
            durable=not options.not_durable,
            parent=os.getppid(),
            until_input_ends=options.until_input_ends,
        )
        return supervisor.run(accounts=options.print_accounts)
    except StackError as error:
        say(str(error), sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
