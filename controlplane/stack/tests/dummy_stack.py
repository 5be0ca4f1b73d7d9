"""The real guard and supervisor over the real embedded servers, with small programs in place of the product's own."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from controlplane.stack.child import ChildSpec
from controlplane.stack.config import StackConfig, config_read
from controlplane.stack.guard import guard_run
from controlplane.stack.services import service_specs
from controlplane.stack.supervisor import Supervisor

SERVICE = Path(__file__).with_name("dummy_service.py")


def dummy_specs(config: StackConfig, database_url: str, redis_url: str) -> list[ChildSpec]:
    """The product's specs with other programs: same names, logs, environments and addresses."""
    ports = {"web": config.port, "live": config.live_port, "gateway": config.gateway_port}
    # Only where a test is about the end of difficult processes: they cost seconds at each stop.
    difficult = "FAIRWAY_TEST_DIFFICULT" in config.environ
    marks = {"web": ("family",), "gateway": ("stubborn",)} if difficult else {}
    specs = []
    for spec in service_specs(config, database_url, redis_url):
        if spec.name not in ports:
            continue
        argv = (sys.executable, str(SERVICE), str(ports[spec.name]), *marks.get(spec.name, ()))
        specs.append(replace(spec, argv=argv, grace=1.0, env={**spec.env, "FAIRWAY_HOME": str(config.home)}))
    return specs


if __name__ == "__main__":
    if sys.argv[1:] == ["supervise"]:
        sys.exit(
            Supervisor(config_read(), services=dummy_specs, prepare=False, durable=False, parent=os.getppid()).run()
        )
    sys.exit(guard_run([sys.executable, __file__, "supervise"], config_read().home))
