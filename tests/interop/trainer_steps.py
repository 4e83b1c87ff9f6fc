"""Gradients and AdamW steps taken from the real HF model and the real HF Trainer."""

import csv
import json
import tempfile
from pathlib import Path

import torch
from transformers import DataCollatorWithPadding, PrinterCallback, Trainer, TrainerCallback, TrainingArguments


def read_rows(path, limit=None):
    """The rows of a CSV file with a header, as dictionaries."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))[:limit]


def tokenize(tokenizer, texts, labels, text_pairs=None, max_length=128):
    """Unpadded examples, as `datasets.map` hands them to the Trainer."""
    encoded = tokenizer(texts, text_pairs, truncation=True, max_length=max_length)
    return [{**{key: encoded[key][row] for key in encoded}, "labels": label} for row, label in enumerate(labels)]


def collate(tokenizer, examples):
    """One batch padded to its longest row, as the Trainer's default collator does."""
    return DataCollatorWithPadding(tokenizer)(examples)


def gradients(model, batch, loss_of=lambda outputs: outputs.loss):
    """Loss and the gradient of every parameter by name, in the training graph."""
    model.train()
    model.zero_grad()
    loss = loss_of(model(**batch))
    loss.backward()
    return loss.item(), {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def parameters(model):
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


class StopAfter(TrainerCallback):
    def __init__(self, steps):
        self.steps = steps

    def on_step_end(self, args, state, control, **kwargs):
        control.should_training_stop = state.global_step >= self.steps


def adamw_steps(model, tokenizer, examples, steps, **arguments):
    """Train `model` in place for `steps` steps over `examples` in their order.

    `arguments` are TrainingArguments. Returns the optimizer's class and settings,
    and loss, gradient norm before clipping and learning rate of each step.
    """
    with tempfile.TemporaryDirectory() as directory:
        arguments = TrainingArguments(
            directory,
            train_sampling_strategy="sequential",
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
            **arguments,
        )
        trainer = Trainer(
            model,
            arguments,
            train_dataset=examples,
            processing_class=tokenizer,
            callbacks=[StopAfter(steps)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    history = trainer.state.log_history[:steps]
    # accelerate wraps the optimizer, and the wrapper hides the groups' names.
    names = {parameter: name for name, parameter in model.named_parameters()}
    groups = [
        {
            **{key: value for key, value in group.items() if key not in ("params", "lr", "initial_lr")},
            "parameters": [names[parameter] for parameter in group["params"]],
        }
        for group in trainer.optimizer.param_groups
    ]
    return {
        "optimizer": type(trainer.optimizer.optimizer).__name__,
        "param_groups": groups,
        "losses": [step["loss"] for step in history],
        "grad_norms": [step["grad_norm"] for step in history],
        "learning_rates": [step["learning_rate"] for step in history],
    }


def logits(model, batch):
    """Logits in evaluation mode; `labels` in the batch are ignored."""
    model.eval()
    with torch.no_grad():
        return model(**{key: value for key, value in batch.items() if key != "labels"}).logits


def write_json(path, values):
    """One line per key, so that a changed golden shows which part changed."""
    lines = (f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
