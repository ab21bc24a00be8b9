"""Tasks of the pool `text`: word counts of real documents."""

from collections import Counter

import snakepit

app = snakepit.App()


@app.task
def count_words(document: str) -> dict[str, object]:
    """Count the words of one document: their number, and its ten commonest words with at least five letters."""
    words = document.split()
    common = Counter(word.lower() for word in words if len(word) >= 5 and word.isalpha())
    return {"words": len(words), "characters": len(document), "common": common.most_common(10)}
