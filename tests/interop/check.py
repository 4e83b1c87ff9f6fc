"""Load a model rtrain wrote with real transformers and compare its predictions.

    check.py DIR --texts validation.csv --rows 64 --predictions predictions.json

The predictions are the JSON list `rtrain predict` prints, one object per row of the CSV with
`text`, `label` and `logits`. Exit code 1 if any label differs or a logit differs by more than
the tolerance.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from trainer_steps import logits, read_rows
from transformers import AutoModelForSequenceClassification, AutoTokenizer

BATCH = 16


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", metavar="DIR", help="model folder with its tokenizer")
    parser.add_argument("--texts", required=True, metavar="CSV", help="CSV file with a `text` column")
    parser.add_argument("--rows", type=int, default=64, help="first rows to compare (default 64)")
    parser.add_argument("--predictions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--max_length", type=int, default=128, help="longest input in tokens (default 128)")
    parser.add_argument("--tolerance", type=float, default=2e-5, help="largest logit difference (default 2e-5)")
    arguments = parser.parse_args()

    texts = [row["text"] for row in read_rows(arguments.texts, arguments.rows)]
    predictions = json.loads(arguments.predictions.read_text(encoding="utf-8"))[: len(texts)]
    if [prediction["text"] for prediction in predictions] != texts:
        sys.exit(f"{arguments.predictions} does not hold the first {len(texts)} texts of {arguments.texts}")

    model = AutoModelForSequenceClassification.from_pretrained(arguments.directory, dtype=torch.float32)
    expected = compute_logits(model, AutoTokenizer.from_pretrained(arguments.directory), texts, arguments.max_length)
    found = torch.tensor([prediction["logits"] for prediction in predictions])
    labels = [model.config.id2label[index] for index in expected.argmax(dim=1).tolist()]
    agreeing = sum(prediction["label"] == label for prediction, label in zip(predictions, labels, strict=True))
    difference = (found - expected).abs().max().item()

    print(f"largest logit difference {difference:.3g} (tolerance {arguments.tolerance:g})")
    print(f"labels agreeing {agreeing} of {len(texts)}")
    # Written so that a NaN fails.
    if not difference <= arguments.tolerance or agreeing != len(texts):
        sys.exit(1)


def compute_logits(model, tokenizer, texts, max_length):
    max_length = min(max_length, tokenizer.model_max_length)
    batches = (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))
    encoded = (
        tokenizer(batch, padding=True, truncation=True, max_length=max_length, return_tensors="pt") for batch in batches
    )
    return torch.cat([logits(model, batch) for batch in encoded])


if __name__ == "__main__":
    main()
