"""What a child reports when its input, not its code, is at fault."""

from typing import Any


class BadInput(Exception):
    """The input cannot be used. `line` (1-based, the header is line 1) and `column` (1-based) say where, if
    known.
    """

    def __init__(self, code: str, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.column = column

    def to_json(self) -> dict[str, Any]:
        """The `error` of the results payload."""
        return {"code": self.code, "message": self.message, "line": self.line, "column": self.column}
