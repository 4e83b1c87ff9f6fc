"""Directories that a run of `Trainer` writes, with its checkpoints."""

import os
import subprocess
import sys
from pathlib import Path

import numpy
import torch
from transformers import DataCollatorForLanguageModeling, DataCollatorForTokenClassification, DataCollatorWithPadding, EarlyStoppingCallback, Trainer, TrainingArguments, set_seed

import models
import vocabularies
from table import V4, directory
from texts import PAIRS, SENTENCES, TAGS, UNICODE_LABELS

CLASSIFIER = "BertForSequenceClassification"
# What the runs of a directory were given, for `runs.json`.
GIVEN = []
LENGTHS = []


def tokenized(tokenizer, pairs=False, **fields):
    """One row a sentence; `fields` are functions of its place."""
    columns = list(zip(*PAIRS)) if pairs else [SENTENCES]
    encoded = tokenizer(*map(list, columns), truncation=True, max_length=24)
    rows = [{key: values[index] for key, values in encoded.items()} for index in range(len(SENTENCES))]
    LENGTHS[:] = [len(row["input_ids"]) for row in rows]
    return [{**row, **{key: value(index) for key, value in fields.items()}} for index, row in enumerate(rows)]


def arguments(out, **settings):
    """`output_dir` is a name without a path; logs of 4.57.6 would else go to a folder named after time and host."""
    set_seed(7)
    if "logging_dir" in TrainingArguments.__dataclass_fields__:
        settings["logging_dir"] = f"{out}/runs"
    defaults = {"seed": 7, "use_cpu": True, "report_to": "none", "disable_tqdm": True, "per_device_train_batch_size": 4, "logging_steps": 2}
    given = {"output_dir": str(out), **defaults, **settings}
    GIVEN.append(given)
    return TrainingArguments(**given)


def accuracy(prediction):
    return {"accuracy": float((numpy.argmax(prediction.predictions, axis=-1) == prediction.label_ids).mean())}


def classifier(out, work, rows=None, labels=2, trainer=Trainer, tokenizer=None, metrics=accuracy, model=None, **settings):
    """A trainer of a sequence classifier."""
    tokenizer = tokenizer or vocabularies.bert(work)
    model = model or models.make("bert", CLASSIFIER, tokenizer, num_labels=labels)
    rows = rows or tokenized(tokenizer, labels=lambda index: index % labels)
    return trainer(
        model=model, args=arguments(out, **settings), train_dataset=rows, eval_dataset=rows[:6], processing_class=tokenizer,
        data_collator=DataCollatorWithPadding(tokenizer), compute_metrics=metrics,
    )


def finish(trainer, predict=False, card=None):
    """What the example scripts do after training."""
    result = trainer.train()
    trainer.save_model()
    trainer.log_metrics("train", result.metrics)
    trainer.save_metrics("train", {**result.metrics, "train_samples": len(SENTENCES)})
    trainer.save_state()
    trainer.save_metrics("eval", trainer.evaluate())
    if predict:
        classes = numpy.argmax(trainer.predict(trainer.eval_dataset).predictions, axis=1)
        lines = [f"{index}\t{trainer.model.config.id2label[item]}\n" for index, item in enumerate(classes)]
        Path(trainer.args.output_dir, "predict_results_reviews.txt").write_text("index\tprediction\n" + "".join(lines), encoding="utf-8")
    if card is not None:
        trainer.create_model_card(**card)


@directory("classification", CLASSIFIER, "a run by epochs with the best model, rotation, all results files and a model card")
def run_epochs(out, work):
    tokenizer = vocabularies.bert(work)
    model = models.make("bert", CLASSIFIER, tokenizer, **models.named_labels(UNICODE_LABELS))
    trainer = classifier(
        out, work, tokenized(tokenizer, labels=lambda index: index % 3), tokenizer=tokenizer, model=model, num_train_epochs=3, learning_rate=1e-3,
        eval_strategy="epoch", save_strategy="epoch", save_total_limit=2, load_best_model_at_end=True, metric_for_best_model="accuracy",
    )
    finish(trainer, predict=True, card={"language": "en", "tags": ["reviews", "é"], "dataset": ["movie reviews"], "tasks": "text-classification", "finetuned_from": "some/model"})


@directory("classification", CLASSIFIER, "pairs of texts, one label, no epochs but steps, a cosine schedule with warm-up, rotation to one checkpoint")
def run_pairs(out, work):
    tokenizer = vocabularies.bert(work)
    rows = tokenized(tokenizer, pairs=True, labels=lambda index: index / 4)
    mean = lambda prediction: {"mse": float(((prediction.predictions[:, 0] - prediction.label_ids) ** 2).mean())}
    trainer = classifier(
        out, work, rows, labels=1, tokenizer=tokenizer, metrics=mean, max_steps=5, save_steps=2, save_total_limit=1, eval_strategy="steps", eval_steps=2,
        weight_decay=0.01, include_num_input_tokens_seen=True, lr_scheduler_type="cosine", warmup_steps=1, max_grad_norm=0.5,
    )
    finish(trainer, card={})


@directory("classification", CLASSIFIER, "save_strategy=best and early stopping, whose state is kept")
def run_best(out, work):
    settings = {"eval_strategy": "steps", "eval_steps": 2, "save_strategy": "best", "metric_for_best_model": "loss", "load_best_model_at_end": True}
    trainer = classifier(out, work, max_steps=6, learning_rate=1e-3, **settings)
    trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=2))
    finish(trainer)


@directory("classification", CLASSIFIER, "save_only_model, every step, arguments far from their defaults")
def run_weights_only(out, work):
    finish(
        classifier(
            out, work, max_steps=2, save_steps=1, save_only_model=True, optim="adamw_torch", adam_beta2=0.98, adam_epsilon=1e-6, bf16=True, gradient_accumulation_steps=2,
            label_smoothing_factor=0.1, lr_scheduler_type="cosine_with_min_lr", lr_scheduler_kwargs={"min_lr": 1e-6}, gradient_checkpointing=True, run_name="é",
        )
    )


@directory("classification", CLASSIFIER, "a run that stopped at step 3 and went on from its checkpoint")
def run_resumed(out, work):
    classifier(out, work, max_steps=3, save_steps=3).train()
    trainer = classifier(out, work, max_steps=6, save_steps=3)
    trainer.train(resume_from_checkpoint=True)
    trainer.save_state()


@directory("classification", CLASSIFIER, "a loss that is not a number, in the log")
def run_diverged(out, work):
    trainer = classifier(out, work, max_steps=2, save_steps=2, logging_steps=1, logging_nan_inf_filter=False, eval_strategy="steps", eval_steps=1)
    with torch.no_grad():
        trainer.model.classifier.bias.fill_(float("nan"))
    finish(trainer)


@directory("classification", CLASSIFIER, "scaler.pt: as f16 on a graphics card leaves it, with a scaler for the processor in its place")
def run_scaler(out, work):
    trainer = classifier(out, work, max_steps=2, save_steps=2)
    trainer.accelerator.scaler = torch.amp.GradScaler("cpu")
    trainer.accelerator.scaler.scale(torch.ones(1))
    trainer.train()


@directory("classification", CLASSIFIER, "several labels at once, SGD with momentum, a constant schedule")
def run_multi_label(out, work):
    tokenizer = vocabularies.bert(work)
    rows = tokenized(tokenizer, labels=lambda index: [float(index % 2), float(index % 3 == 0), 1.0])
    model = models.make("bert", CLASSIFIER, tokenizer, **models.named_labels(["a", "b", "c"]), problem_type="multi_label_classification")
    finish(
        classifier(out, work, rows, tokenizer=tokenizer, model=model, metrics=None, max_steps=2, save_steps=2, optim="sgd", lr_scheduler_type="constant_with_warmup", warmup_steps=1)
    )


@directory("masked-lm", "BertForMaskedLM", "masked words, without evaluation, without save_state")
def run_masked_lm(out, work):
    tokenizer = vocabularies.bert(work)
    trainer = Trainer(
        model=models.make("bert", "BertForMaskedLM", tokenizer), args=arguments(out, max_steps=2, save_steps=2), train_dataset=tokenized(tokenizer),
        processing_class=tokenizer, data_collator=DataCollatorForLanguageModeling(tokenizer),
    )
    trainer.train()
    trainer.save_model()


@directory("token-classification", "BertForTokenClassification", "tags, by steps, frozen embeddings")
def run_token_classification(out, work):
    tokenizer = vocabularies.bert(work)
    rows = tokenized(tokenizer)
    for row in rows:
        row["labels"] = [-100, *(index % 3 for index in range(len(row["input_ids"]) - 2)), -100]
    model = models.make("bert", "BertForTokenClassification", tokenizer, **models.named_labels(TAGS))
    model.bert.embeddings.word_embeddings.weight.requires_grad = False
    trainer = Trainer(
        model=model, args=arguments(out, max_steps=3, save_steps=3, eval_strategy="steps", eval_steps=3), train_dataset=rows, eval_dataset=rows,
        processing_class=tokenizer, data_collator=DataCollatorForTokenClassification(tokenizer),
    )
    finish(trainer)


@directory("question-answering", "BertForQuestionAnswering", "spans")
def run_question_answering(out, work):
    tokenizer = vocabularies.bert(work)
    rows = tokenized(tokenizer, pairs=True, start_positions=lambda index: 1 + index % 3, end_positions=lambda index: 2 + index % 3)
    trainer = Trainer(
        model=models.make("bert", "BertForQuestionAnswering", tokenizer), args=arguments(out, max_steps=2, save_steps=2), train_dataset=rows,
        processing_class=tokenizer, data_collator=DataCollatorWithPadding(tokenizer),
    )
    trainer.train()
    trainer.save_model()
    trainer.save_state()


@directory("classification", "DistilBertForSequenceClassification", "another architecture, trained")
def run_distilbert(out, work):
    tokenizer = vocabularies.distilbert(work)
    model = models.make("distilbert", "DistilBertForSequenceClassification", tokenizer)
    finish(classifier(out, work, tokenizer=tokenizer, model=model, max_steps=2, save_steps=2, eval_strategy="steps", eval_steps=1))


@directory("classification", "RobertaForSequenceClassification", "byte pairs, trained")
def run_roberta(out, work):
    tokenizer = vocabularies.roberta(work)
    model = models.make("roberta", "RobertaForSequenceClassification", tokenizer, num_labels=3)
    finish(classifier(out, work, tokenizer=tokenizer, model=model, labels=3, max_steps=2, save_steps=2))


@directory("causal-lm", "GPT2LMHeadModel", "generation_config.json in the checkpoints")
def run_gpt2(out, work):
    tokenizer = vocabularies.gpt2(work, pad_token="<|endoftext|>")
    trainer = Trainer(
        model=models.make("gpt2", "GPT2LMHeadModel", tokenizer), args=arguments(out, max_steps=2, save_steps=2), train_dataset=tokenized(tokenizer),
        processing_class=tokenizer, data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
    )
    trainer.train()
    trainer.save_model()
    trainer.save_state()


@directory("classification", CLASSIFIER, "pytorch_model.bin in the checkpoints, another optimizer", V4)
def run_bin(out, work):
    finish(classifier(out, work, max_steps=4, save_steps=2, save_safetensors=False, optim="adafactor"))


@directory("classification", CLASSIFIER, "two processes: rng_state_0.pth and rng_state_1.pth")
def run_two_processes(out, work):
    if "RANK" in os.environ:
        torch.set_num_threads(1)
        classifier(out, work / os.environ["RANK"], max_steps=2, save_steps=2, ddp_backend="gloo").train()
        return
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", __file__, str(out)]
    subprocess.run(launch, check=True)


if __name__ == "__main__":
    workplace = Path("work_of_two_processes")
    (workplace / os.environ["RANK"]).mkdir(parents=True)
    run_two_processes(sys.argv[1], workplace)
