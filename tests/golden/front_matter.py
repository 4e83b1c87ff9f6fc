"""Writes values as PyYAML dumps them, each after a line with its mode.

python tests/golden/front_matter.py > tests/golden/front_matter.txt
"""

import os

import yaml

LONG = "a text that is longer than the eighty columns after which yaml.dump ends a line at the next blank of it"
TEXTS = [
    "", "plain", "two words", " leading", "trailing ", "yes", "No", "null", "~", "true", "1", "-1", "+1", "012", "0x1f", "0b1", "1_000", "1.5", "1.", ".5", "1e5", "1.0e+5", "08", "+.5", ".", "2020-1-1 1:00:00", "190:20:30", "1:2:3.4", "é\" \t" * 20,
    "1e+5", "2020-01-01", "12:30", "12:30.5", ".inf", ".NaN", "-.inf", "=", "<<", "- a", "-", "-a", "? a", "?a", ":", ":a", "a: b", "a:", "a:b", "a #b", "a#b", "#a", "'", "it's", '"q"',
    "a\\b", "[a]", "{a", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a", ",a", "---", "--- a", "...", "é", "日本", "😀", "\u2028", "\u00a0", "\u0085", "\ufeff", "tab\t", "bell\a", "\u007f",
    "line\nbreak", "two\n\nbreaks", "ends in a break\n", "\nbegins", "blank \nbreak", "break\n blank", LONG, f"{LONG}: {LONG}", f"é {LONG} é {LONG}", f"it's {LONG}  {LONG}", "x" * 100, "é " * 60,
    "a" * 79 + " b", "a" * 80 + " b", "a" * 81 + " b", ": " + "a" * 90 + " b ", "é" * 30, LONG + "\n" + LONG,
]
VALUES = [
    *({"key": text} for text in TEXTS),
    *({"key": [text, {"inner": text}]} for text in ("plain", "- a", LONG, f"é {LONG}", "line\nbreak")),
    {"a": None, "b": True, "c": False, "d": 0, "e": -5, "f": 0.1, "g": 1e-7, "h": 1e16, "i": float("inf"), "j": float("nan"), "k": 3.0, "l": 1.5e300},
    {"a": [], "b": {}, "c": [[], {}, [[1, 2], [3]], {"x": [1, {"y": 2}]}]},
    {"a": {"b": {"c": ["d", {"e": "f", "g": ["h"]}]}}, "i: j": 1, "é": 2, "1": 4, "yes": 5, "it's": 6},
    [1, "two", [3]], {}, [],
    {"model-index": [{"name": "x", "results": [{"task": {"name": "T", "type": "t"}, "metrics": [{"type": "accuracy", "value": 0.5, "name": "Accuracy"}]}]}]},
]

# Unicode's own line separators end a line in PyYAML if they are not escaped; the reader does not follow that.
SEPARATORS = [{"key": "\u2028"}, {"key": "\u0085"}]

os.write(1, "".join(
    f"===\n{mode}\n" + yaml.dump(value, sort_keys=False, allow_unicode=mode == "unicode")
    for value in VALUES for mode in ("ascii", "unicode") if mode == "ascii" or value not in SEPARATORS
).encode())
