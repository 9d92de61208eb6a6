"""What can go wrong in any service, with the code that the front end translates."""


class PlatformError(Exception):
    """A failure with a code and the words to fill in."""

    code = "PE0000"

    def __init__(self, *words):
        super().__init__(f"{self.code}: {', '.join(map(str, words))}")
        self.words = words


class NotFound(PlatformError):
    """The thing of that kind and key does not exist."""

    code = "PE0002"


class Forbidden(PlatformError):
    """The user may not do that."""

    code = "PE0234"
