"""Checkpoints of people's own code: the folder that is kept, and paths in it. Standard library only."""

MAX_FILES = 1_000
MAX_PATH = 400
MAX_FOLDER = 200


def folder_of(text: str) -> str:
    """The folder below the code's own directory, without a slash at its end. Raises ValueError with a sentence."""
    folder = text.strip().rstrip("/")
    if not folder or len(folder) > MAX_FOLDER:
        raise ValueError(f"A checkpoint folder has 1 to {MAX_FOLDER} characters, such as “checkpoints”.")
    return path_of(folder)


def path_of(text: str) -> str:
    """A relative path of plain parts that climbs nowhere. Raises ValueError with a sentence."""
    if not text or len(text) > MAX_PATH or "\\" in text or ":" in text or not text.isprintable():
        raise ValueError(f"“{text[:60]!s}” is no plain path of at most {MAX_PATH} characters.")
    if any(part in ("", ".", "..") for part in text.split("/")):
        raise ValueError(f"“{text[:60]}” must stay below the code's folder: no empty, “.” or “..” part, not absolute.")
    return text
