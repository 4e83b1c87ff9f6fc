"""Fine-tune with the real HF Trainer, as run_classification.py with `--pad_to_max_length False` does.

    train.py MODEL TRAIN.csv VALIDATION.csv OUT --epochs 1 --batch 16 --lr 5e-5 --seed 42

The CSV files have the columns `text` and `label`. OUT gets the model, the tokenizer, the
metrics and the trainer's state. The last line printed is one JSON object with accuracy,
loss, speed and the process's wall time and peak memory.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import psutil
import torch
from datasets import Features, Value, load_dataset
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainingArguments,
    set_seed,
)


def main():
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    training = TrainingArguments(
        str(arguments.out),
        num_train_epochs=arguments.epochs,
        per_device_train_batch_size=arguments.batch,
        per_device_eval_batch_size=arguments.eval_batch,
        learning_rate=arguments.lr,
        seed=arguments.seed,
        save_strategy=arguments.save_strategy,
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    set_seed(arguments.seed)
    # A cache of its own: `map` must call the tokenizer, or its truncation would be missing from tokenizer.json.
    with tempfile.TemporaryDirectory() as cache:
        figures = train(make_trainer(arguments, training, cache))
    print(json.dumps(figures))


def train(trainer):
    train_metrics = trainer.train().metrics
    train_metrics["train_samples"] = len(trainer.train_dataset)
    trainer.save_model()
    trainer.save_metrics("train", train_metrics)
    trainer.save_state()
    eval_metrics = trainer.evaluate()
    eval_metrics["eval_samples"] = len(trainer.eval_dataset)
    trainer.save_metrics("eval", eval_metrics)

    return {
        "accuracy": eval_metrics["eval_accuracy"],
        "eval_loss": eval_metrics["eval_loss"],
        "train_loss": train_metrics["train_loss"],
        "train_runtime": train_metrics["train_runtime"],
        "train_samples_per_second": train_metrics["train_samples_per_second"],
        "eval_runtime": eval_metrics["eval_runtime"],
        "wall_s": round(time.time() - psutil.Process().create_time(), 3),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL", help="folder of a HuggingFace BERT model, with or without a head")
    parser.add_argument("train", metavar="TRAIN.csv")
    parser.add_argument("validation", metavar="VALIDATION.csv")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--epochs", type=float, default=3.0, help="passes over the training rows (default 3)")
    parser.add_argument("--batch", type=int, default=8, help="rows per training batch (default 8)")
    parser.add_argument("--eval_batch", type=int, default=8, help="rows per evaluation batch (default 8)")
    parser.add_argument("--lr", type=float, default=5e-5, help="peak learning rate (default 5e-5)")
    parser.add_argument("--seed", type=int, default=42, help="seed of head, order and dropout (default 42)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of torch (default 2)")
    parser.add_argument("--max_seq_length", type=int, default=128, help="longest input in tokens (default 128)")
    parser.add_argument("--max_train_samples", type=int, help="train on the first rows only")
    parser.add_argument("--save_strategy", choices=["no", "epoch"], default="no", help="checkpoints (default no)")
    return parser.parse_args()


def make_trainer(arguments, training, cache):
    files = {"train": arguments.train, "validation": arguments.validation}
    # Left to itself datasets 5.2 reads `large_string`, and `map` then turns the integer labels back into text.
    features = Features({"text": Value("string"), "label": Value("string")})
    rows = load_dataset("csv", data_files=files, features=features, cache_dir=cache)
    label_list = sorted({str(label) for split in rows.values() for label in split["label"]})
    label_to_id = {label: index for index, label in enumerate(label_list)}

    config = AutoConfig.from_pretrained(
        arguments.model, num_labels=len(label_list), finetuning_task="text-classification"
    )
    config.problem_type = "single_label_classification"
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = AutoModelForSequenceClassification.from_pretrained(arguments.model, config=config)
    model.config.label2id = label_to_id
    model.config.id2label = {index: label for label, index in label_to_id.items()}

    max_length = min(arguments.max_seq_length, tokenizer.model_max_length)

    def preprocess(examples):
        result = tokenizer(examples["text"], padding=False, max_length=max_length, truncation=True)
        result["label"] = [label_to_id[str(label)] for label in examples["label"]]
        return result

    rows = rows.map(preprocess, batched=True, load_from_cache_file=False)
    train_rows = rows["train"]
    if arguments.max_train_samples is not None:
        train_rows = train_rows.select(range(min(len(train_rows), arguments.max_train_samples)))
    return Trainer(
        model,
        training,
        train_dataset=train_rows,
        eval_dataset=rows["validation"],
        compute_metrics=accuracy,
        processing_class=tokenizer,
    )


def accuracy(prediction):
    return {"accuracy": float((prediction.predictions.argmax(axis=1) == prediction.label_ids).mean())}


if __name__ == "__main__":
    main()
