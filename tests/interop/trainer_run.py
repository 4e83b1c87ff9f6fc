"""Do with the real Trainer what `rtrain train` does, given the same arguments.

    trainer_run.py --model_name_or_path MODEL --train_file train.csv --output_dir out --max_steps 20 ... [-- ARGUMENTS OF ANOTHER RUN...]

The arguments are rtrain's: those of TrainingArguments, and of the others those that are listed below. Several tables to evaluate on are
given as `--validation_file NAME=FILE` each. What is done, in which order, and which files are written, is run_classification.py's.
"""

import argparse
import csv
import sys
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    EarlyStoppingCallback,
    HfArgumentParser,
    Trainer,
    TrainingArguments,
    set_seed,
)


def main():
    line = sys.argv[1:]
    while "--" in line:
        run(line[: line.index("--")])
        line = line[line.index("--") + 1 :]
    run(line)


def run(line, callbacks=()):
    """Trains, evaluates and predicts as the arguments `line` say, and returns the Trainer."""
    own, training = parse(line)
    torch.set_num_threads(own.threads)
    set_seed(training.seed)
    trainer = make_trainer(own, training, callbacks)
    resume = training.resume_from_checkpoint
    metrics = trainer.train(resume_from_checkpoint=True if resume == "true" else resume).metrics
    metrics["train_samples"] = len(trainer.train_dataset)
    trainer.save_model()
    trainer.save_metrics("train", metrics)
    trainer.save_state()
    if trainer.eval_dataset:
        metrics = trainer.evaluate()
        sets = trainer.eval_dataset.values() if isinstance(trainer.eval_dataset, dict) else [trainer.eval_dataset]
        metrics["eval_samples"] = sum(map(len, sets))
        trainer.save_metrics("eval", metrics)
    if own.test_file:
        trainer.predict(read(own, trainer.processing_class, own.test_file, trainer.model.config.label2id), metric_key_prefix="predict")
    return trainer


def parse(line):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model_name_or_path")
    parser.add_argument("--config_name")
    parser.add_argument("--tokenizer_name")
    parser.add_argument("--config_overrides")
    parser.add_argument("--train_file", required=True)
    parser.add_argument("--validation_file", action="append", default=[])
    parser.add_argument("--test_file")
    parser.add_argument("--max_seq_length", type=int, default=128)
    parser.add_argument("--pad_to_max_length", default="true")
    parser.add_argument("--max_train_samples", type=int)
    parser.add_argument("--max_eval_samples", type=int)
    parser.add_argument("--early_stopping_patience", type=int)
    parser.add_argument("--early_stopping_threshold", type=float, default=0.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--release")
    parser.add_argument("--include_num_input_tokens_seen", default="no")
    own, rest = parser.parse_known_args(line)
    fields = vars(HfArgumentParser(TrainingArguments).parse_args([*rest, "--report_to", "none"]))
    # transformers' own parser takes only `true` and `false` here.
    tokens = {"true": True, "false": False}.get(own.include_num_input_tokens_seen, own.include_num_input_tokens_seen)
    done = {"do_train": True, "do_eval": bool(own.validation_file), "do_predict": bool(own.test_file)}
    return own, TrainingArguments(**{**fields, **done, "include_num_input_tokens_seen": tokens})


def make_trainer(own, training, callbacks):
    assert own.pad_to_max_length == "false", "rtrain pads nothing, so only dynamic padding compares"
    tables = {name or None: path for name, path in map(named, own.validation_file)}
    label_list = sorted({row["label"] for path in (own.train_file, *tables.values()) for row in rows(path)})
    label_to_id = {label: index for index, label in enumerate(label_list)}
    tokenizer = AutoTokenizer.from_pretrained(own.tokenizer_name or own.model_name_or_path or own.config_name)
    sets = {name: read(own, tokenizer, path, label_to_id)[: own.max_eval_samples] for name, path in tables.items()}
    if own.early_stopping_patience is not None:
        callbacks = [*callbacks, EarlyStoppingCallback(own.early_stopping_patience, own.early_stopping_threshold)]
    return Trainer(
        make_model(own, label_to_id),
        training,
        train_dataset=read(own, tokenizer, own.train_file, label_to_id)[: own.max_train_samples],
        eval_dataset=sets.get(None, sets) or None,
        compute_metrics=accuracy,
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )


def make_model(own, label_to_id):
    config = AutoConfig.from_pretrained(own.config_name or own.model_name_or_path, num_labels=len(label_to_id))
    if own.config_overrides:
        config.update_from_string(own.config_overrides)
    config.problem_type = "single_label_classification"
    if own.model_name_or_path:
        model = AutoModelForSequenceClassification.from_pretrained(own.model_name_or_path, config=config)
    else:
        model = AutoModelForSequenceClassification.from_config(config)
    model.config.label2id = label_to_id
    model.config.id2label = {index: label for label, index in label_to_id.items()}
    return model


def named(argument):
    """Name and path of NAME=FILE; no name where there is none."""
    name, _, path = argument.rpartition("=")
    return name, path


def rows(path):
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(own, tokenizer, path, label_to_id):
    examples = rows(path)
    encoded = tokenizer([row["text"] for row in examples], truncation=True, max_length=min(own.max_seq_length, tokenizer.model_max_length))
    fields = [{name: values[index] for name, values in encoded.items()} for index in range(len(examples))]
    return [{**field, "label": label_to_id[row["label"]]} for field, row in zip(fields, examples, strict=True)]


def accuracy(prediction):
    return {"accuracy": float((prediction.predictions.argmax(axis=1) == prediction.label_ids).mean())}


if __name__ == "__main__":
    main()
