"""The one error of the expression language."""


class ExpressionError(ValueError):
    """An expression that cannot be read or does not fit its columns.

    `message` is a sentence for people, `column` the 1-based character position it is about.
    """

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} (column {column})")
        self.message = message
        self.column = column
