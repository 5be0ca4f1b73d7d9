"""Run by the environment of a Ray node: evaluates the files named in argv on a local cluster of two workers."""

import json
import sys
from dataclasses import replace

import ray

from analysis.distributed import evaluate_on_ray
from analysis.tests.files import SCAN, SPEC


def main(paths: list[str]) -> None:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    exact, _ = evaluate_on_ray(paths, SCAN, SPEC)
    counted, _ = evaluate_on_ray(paths, SCAN, SPEC, memory_bytes=1000)
    try:
        evaluate_on_ray(paths, replace(SCAN, score="nowhere"), SPEC)
    except KeyError as error:
        refused = str(error)
    ray.shutdown()
    json.dump({"exact": exact.to_json(), "counted": counted.to_json(), "refused": refused}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
