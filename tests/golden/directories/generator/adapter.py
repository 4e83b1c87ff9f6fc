"""Directories with a PEFT adapter in the place of a model."""

import models
import vocabularies
from peft import LoraConfig, get_peft_model
from runs import classifier
from table import directory

CLASSIFIER = "BertForSequenceClassification"
LORA = {"task_type": "SEQ_CLS", "r": 2, "lora_alpha": 4, "lora_dropout": 0.1, "target_modules": ["query", "value"]}


def adapted(tokenizer, **settings):
    return get_peft_model(models.make("bert", CLASSIFIER, tokenizer), LoraConfig(**{**LORA, **settings}))


@directory("adapter", CLASSIFIER, "a LoRA adapter that save_pretrained writes")
def adapter(out, work):
    tokenizer = vocabularies.bert(work)
    adapted(tokenizer, rank_pattern={"query": 3}).save_pretrained(out)
    tokenizer.save_pretrained(out)


@directory("adapter", CLASSIFIER, "a LoRA adapter, trained")
def run_adapter(out, work):
    tokenizer = vocabularies.bert(work)
    trainer = classifier(out, work, tokenizer=tokenizer, model=adapted(tokenizer), max_steps=2, save_steps=2)
    trainer.train()
    trainer.save_model()
    trainer.save_state()
