"""Tell the demo's story."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import FairwayError
from apps.core.progress import long_task
from apps.home.demo.story import DemoStopped, Story


class Command(BaseCommand):
    help = "Do the demo's story with real jobs on real data; what is done already is not done again."

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()

        try:
            with long_task("demo", "The demo is being made") as progress:

                def say(fraction: float, text: str) -> None:
                    progress.say(fraction, text)
                    self.stdout.write(f"  demo {fraction:4.0%}  {time.monotonic() - begun:5.1f} s  {text}")
                    self.stdout.flush()

                Story(say).tell()
        except DemoStopped as error:
            raise CommandError(str(error)) from error
        except FairwayError as error:
            extra = "; ".join(str(item) for item in (*error.items, *error.fields.items()))
            raise CommandError(f"{error.detail} {extra}".strip()) from error
