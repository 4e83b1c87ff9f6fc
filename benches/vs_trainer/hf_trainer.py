"""Fine-tune with the real HF Trainer, as run_classification.py with `--pad_to_max_length False` does.

    hf_trainer.py --model MODEL --train TRAIN.csv --validation VALIDATION.csv --out OUT --max_steps 20

The CSV files have the columns `text` and `label`. OUT gets the model, the tokenizer, the metrics and the trainer's state. The loss
is logged at every step, so that whoever reads the output sees when each was done.
"""

import argparse
import tempfile
from pathlib import Path

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
        num_train_epochs=1,
        max_steps=arguments.max_steps,
        per_device_train_batch_size=arguments.batch,
        per_device_eval_batch_size=arguments.eval_batch,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        bf16=arguments.bf16,
        use_cpu=True,
        disable_tqdm=True,
    )
    set_seed(arguments.seed)
    # A cache of its own: `map` must call the tokenizer, or its truncation would be missing from tokenizer.json.
    with tempfile.TemporaryDirectory() as cache:
        train(make_trainer(arguments, training, cache))


def train(trainer):
    train_metrics = trainer.train().metrics
    train_metrics["train_samples"] = len(trainer.train_dataset)
    trainer.save_model()
    trainer.save_metrics("train", train_metrics)
    trainer.save_state()
    eval_metrics = trainer.evaluate()
    eval_metrics["eval_samples"] = len(trainer.eval_dataset)
    trainer.save_metrics("eval", eval_metrics)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of a HuggingFace BERT model, with or without a head")
    parser.add_argument("--from_scratch", action="store_true", help="use its config and tokenizer only")
    parser.add_argument("--config_overrides", help="settings of its config to replace, NAME=VALUE,...")
    parser.add_argument("--train", required=True, metavar="TRAIN.csv")
    parser.add_argument("--validation", required=True, metavar="VALIDATION.csv")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--max_steps", type=int, default=-1, help="steps; left out, one pass over the rows")
    parser.add_argument("--batch", type=int, default=8, help="rows per training batch (default 8)")
    parser.add_argument("--eval_batch", type=int, default=8, help="rows per evaluation batch (default 8)")
    parser.add_argument("--learning_rate", type=float, default=5e-5, help="peak learning rate (default 5e-5)")
    parser.add_argument("--seed", type=int, default=42, help="seed of head, order and dropout (default 42)")
    parser.add_argument("--bf16", action="store_true", help="products of bfloat16, by autocast")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of torch (default 2)")
    parser.add_argument("--max_seq_length", type=int, default=128, help="longest input in tokens (default 128)")
    return parser.parse_args()


def make_trainer(arguments, training, cache):
    files = {"train": arguments.train, "validation": arguments.validation}
    # Left to itself datasets 5.2 reads `large_string`, and `map` then turns the integer labels back into text.
    features = Features({"text": Value("string"), "label": Value("string")})
    rows = load_dataset("csv", data_files=files, features=features, cache_dir=cache)
    label_list = sorted({str(label) for split in rows.values() for label in split["label"]})
    label_to_id = {label: index for index, label in enumerate(label_list)}

    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = make_model(arguments, label_to_id)
    max_length = min(arguments.max_seq_length, tokenizer.model_max_length)

    def preprocess(examples):
        result = tokenizer(examples["text"], padding=False, max_length=max_length, truncation=True)
        result["label"] = [label_to_id[str(label)] for label in examples["label"]]
        return result

    rows = rows.map(preprocess, batched=True, load_from_cache_file=False)
    return Trainer(
        model,
        training,
        train_dataset=rows["train"],
        eval_dataset=rows["validation"],
        compute_metrics=accuracy,
        processing_class=tokenizer,
    )


def make_model(arguments, label_to_id):
    config = AutoConfig.from_pretrained(
        arguments.model, num_labels=len(label_to_id), finetuning_task="text-classification"
    )
    if arguments.config_overrides:
        config.update_from_string(arguments.config_overrides)
    config.problem_type = "single_label_classification"
    if arguments.from_scratch:
        model = AutoModelForSequenceClassification.from_config(config)
    else:
        model = AutoModelForSequenceClassification.from_pretrained(arguments.model, config=config)
    model.config.label2id = label_to_id
    model.config.id2label = {index: label for label, index in label_to_id.items()}
    return model


def accuracy(prediction):
    return {"accuracy": float((prediction.predictions.argmax(axis=1) == prediction.label_ids).mean())}


if __name__ == "__main__":
    main()
