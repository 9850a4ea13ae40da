"""Text that others wrote, for people to read."""


def harmless(text: str) -> str:
    """Control characters, which could drive a terminal, are spelt out; only line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else _spelt(char) for char in text)


def _spelt(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
