"""What keeps a job's process to its own directory, its own limits and the web's port. Standard library only.

Applied between fork and exec by the runner parent (and by whoever else starts untrusted model code): resource
limits, no new privileges, Landlock where the kernel has it, a seccomp filter, and a user of its own where
that is possible. `sandbox_report` says what this machine gives, so that nothing is promised that is not in
force.
"""

from workers.sandbox.environment import clean_environment, private_directory
from workers.sandbox.policy import SandboxPolicy, readable_paths, sandbox_apply, uid_for
from workers.sandbox.report import SandboxReport, sandbox_report

__all__ = [
    "SandboxPolicy",
    "SandboxReport",
    "clean_environment",
    "private_directory",
    "readable_paths",
    "sandbox_apply",
    "sandbox_report",
    "uid_for",
]
