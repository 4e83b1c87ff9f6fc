"""Print the losses of transformers on the same rows, as JSON: python reference.py DIRECTORY ROWS LONGEST LEARNING_RATE."""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

disable_progress_bar()
directory, batch, longest, rate = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
tokenizer = AutoTokenizer.from_pretrained(directory)
model, loading = AutoModelForSequenceClassification.from_pretrained(directory, output_loading_info=True)
assert not any(loading.values()), loading
model.train()
optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0)
rows = [json.loads(line) for line in (directory / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
losses = []
for start in range(0, len(rows), batch):
    part = rows[start : start + batch]
    inputs = tokenizer([row["text"] for row in part], padding=True, truncation=True, max_length=longest, return_tensors="pt")
    labels = torch.tensor([model.config.label2id[row["label"]] for row in part])
    loss = model(**inputs, labels=labels).loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
json.dump(losses, sys.stdout)
