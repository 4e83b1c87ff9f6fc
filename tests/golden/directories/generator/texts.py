"""Texts, labels and rows that every directory is made from."""

SENTENCES = [
    "a warm and funny film", "the plot is thin and slow", "good acting saves a dull story", "not worth the time",
    "one of the best films of the year", "it never finds its way", "a café scene that works", "日本 film, well made",
    "too long by half", "sharp, quick and kind", "I left before the end", "a joy from start to end",
]
PAIRS = [(left, right) for left, right in zip(SENTENCES, reversed(SENTENCES))]
UNICODE_LABELS = ["négatif", "中立", "😀 \"gut\"\\\t"]
TAGS = ["O", "B-WORK", "I-WORK"]
CHAT_TEMPLATE = "{% for message in messages %}\n<|{{ message['role'] }}|> {{ message['content'] }} é\n{% endfor %}"
ADDED_TOKENS = ["<user>", "<é>", "[NEW]"]


def labelled(labels):
    """Rows with a class each."""
    return [{"label": index % labels} for index in range(len(SENTENCES))]
