"""Prints the labels that transformers predicts, as JSON: python predict.py DIRECTORY TEXTS_AS_JSON."""

import json
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

directory, texts = sys.argv[1], json.loads(sys.argv[2])
tokenizer = AutoTokenizer.from_pretrained(directory)
model, loading = AutoModelForSequenceClassification.from_pretrained(directory, output_loading_info=True)
assert not any(loading.values()), loading
model.eval()
with torch.no_grad():
    logits = model(**tokenizer(texts, padding=True, truncation=True, return_tensors="pt")).logits
json.dump([model.config.id2label[row] for row in logits.argmax(-1).tolist()], sys.stdout)
