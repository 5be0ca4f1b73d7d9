"""What an executor says of itself, for forms and pages: what it needs to know, and which limits it keeps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keeps:
    """What is kept of each limit of a job: True, or the sentence that says what happens instead."""

    wall: bool | str = True
    cpu: bool | str = True
    memory: bool | str = True
    file_size: bool | str = True
    output: bool | str = True
    lease: bool | str = True
    grace: bool | str = True
    separation: bool | str = True

    def gaps(self) -> list[str]:
        """One sentence for each thing that is kept in another way, or not."""
        values = (getattr(self, name) for name in self.__dataclass_fields__)
        return [value for value in values if isinstance(value, str)]


@dataclass(frozen=True, slots=True)
class About:
    """The words of one executor. `handle_is_directory`: an attempt's handle is its directory on this machine; else it
    is made of the job's id and the attempt's number (`handle_of`).
    """

    title: str
    text: str
    needs_address: bool = False
    address_help: str = ""
    takes_secret: bool = False
    secret_help: str = ""
    handle_is_directory: bool = False
    on_this_machine: bool = False
    keeps: Keeps = Keeps()


def handle_of(about: About, job_id: str, attempt: int, directory: str) -> str:
    """The handle of an attempt, known before it is started, so that whoever takes over can look for it."""
    return directory if about.handle_is_directory else f"fairway-{job_id}-{attempt}"
