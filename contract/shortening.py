"""Sentences that must be short: cut after a word, and visibly."""


def shortened(text: str, limit: int) -> str:
    """`text`, or as many of its words as `limit` characters hold, with an ellipsis.

    A word that takes more than half of the limit is cut, too.

    >>> shortened("the engine does not answer", 20)
    'the engine does not…'
    """
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    end = head.rfind(" ")
    return f"{(head[:end] if end > limit // 2 else head).rstrip(' ,;:(')}…"
