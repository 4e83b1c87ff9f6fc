"""Directories that `save_pretrained` writes."""

import safetensors.torch
import torch
from transformers import AddedToken, AutoModelForSequenceClassification, AutoTokenizer

import models
import vocabularies
from texts import ADDED_TOKENS, CHAT_TEMPLATE, SENTENCES, TAGS, UNICODE_LABELS
from table import V4, directory

CLASSIFIER = "BertForSequenceClassification"


def save(out, tokenizer, kind="bert", head=CLASSIFIER, shard=None, safe=None, **settings):
    """Writes model and tokenizer."""
    model = models.make(kind, head, tokenizer, **settings)
    options = {} if shard is None else {"max_shard_size": shard}
    if safe is not None:
        options["safe_serialization"] = safe
    model.save_pretrained(out, **options)
    tokenizer.save_pretrained(out)


@directory("classification", CLASSIFIER, "one label, a regression")
def one_label(out, work):
    save(out, vocabularies.bert(work), num_labels=1, problem_type="regression")


@directory("classification", CLASSIFIER, "the two labels that transformers leaves out of the config")
def two_labels(out, work):
    save(out, vocabularies.bert(work))


@directory("classification", CLASSIFIER, "three labels with letters beyond ASCII, quotes and a tab; tokenizer that keeps case")
def unicode_labels(out, work):
    save(out, vocabularies.bert(work, do_lower_case=False, strip_accents=False), **models.named_labels(UNICODE_LABELS))


@directory("classification", CLASSIFIER, "twelve labels: ids sort as numbers, names as text")
def twelve_labels(out, work):
    save(out, vocabularies.bert(work), num_labels=12)


@directory("classification", CLASSIFIER, "labels that are numbers: ids sort as numbers, names as text")
def number_labels(out, work):
    save(out, vocabularies.bert(work), **models.named_labels([str(stars) for stars in range(1, 11)]))


@directory("classification", CLASSIFIER, "several labels at once")
def multi_label(out, work):
    save(out, vocabularies.bert(work), **models.named_labels(["sad", "funny", "long"]), problem_type="multi_label_classification")


@directory("classification", CLASSIFIER, "f16 weights")
def float16(out, work):
    save(out, vocabularies.bert(work), dtype=torch.float16)


@directory("classification", CLASSIFIER, "bf16 weights; a tokenizer saved with truncation and padding")
def bfloat16(out, work):
    tokenizer = vocabularies.bert(work)
    tokenizer(SENTENCES, truncation=True, max_length=20, padding="max_length")
    save(out, tokenizer, dtype=torch.bfloat16)


@directory("classification", CLASSIFIER, "shards, among them a tensor larger than a shard may be")
def shards(out, work):
    save(out, vocabularies.bert(work), shard="4KB", num_labels=3)


@directory("masked-lm", "BertForMaskedLM", "shards of a model with tied weights")
def tied_shards(out, work):
    save(out, vocabularies.bert(work), head="BertForMaskedLM", shard="8KB")


@directory("classification", CLASSIFIER, "added tokens and other special tokens, ids beyond the vocabulary file")
def added_tokens(out, work):
    tokenizer = vocabularies.bert(work)
    tokenizer.add_tokens(ADDED_TOKENS[:2])
    tokenizer.add_tokens(AddedToken(ADDED_TOKENS[2], lstrip=True, rstrip=True, single_word=True, normalized=False))
    tokenizer.add_special_tokens({"additional_special_tokens": ["<turn>"], "cls_token": AddedToken("<cls>", lstrip=True)})
    save(out, tokenizer)


@directory("classification", CLASSIFIER, "the directory above, loaded and saved again")
def added_tokens_again(out, work):
    added_tokens(work / "first", work)
    AutoTokenizer.from_pretrained(work / "first").save_pretrained(out)
    AutoModelForSequenceClassification.from_pretrained(work / "first").save_pretrained(out)


@directory("classification", CLASSIFIER, "keys in the config that transformers does not know, numbers among them that JSON cannot write")
def custom_config(out, work):
    tokenizer = vocabularies.bert(work)
    model = models.make("bert", CLASSIFIER, tokenizer, num_labels=3, classifier_dropout=0.25)
    model.config.zebra = {"10": "é", "9": [1, 2.5e-7, None], "b": {"inner": True}}
    model.config.numbers = {10: "ten", 9: "nine"}
    model.config.limits = [float("inf"), float("-inf"), 1e16, 1e-5, 3]
    model.config.task_specific_params = {"reviews": {"max_length": 3}}
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


@directory("classification", CLASSIFIER, "LayerNorm.gamma and LayerNorm.beta in the source, in shards")
def legacy_names(out, work):
    tokenizer = vocabularies.bert(work)
    source = work / "source"
    model = models.make("bert", CLASSIFIER, tokenizer)
    model.save_pretrained(source)
    rename = lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    tensors = {rename(name): tensor for name, tensor in safetensors.torch.load_file(source / "model.safetensors").items()}
    safetensors.torch.save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    AutoModelForSequenceClassification.from_pretrained(source).save_pretrained(out, max_shard_size="4KB")
    tokenizer.save_pretrained(out)


@directory("masked-lm", "BertForMaskedLM", "tied weights")
def masked_lm(out, work):
    save(out, vocabularies.bert(work), head="BertForMaskedLM")


@directory("token-classification", "BertForTokenClassification", "tags as labels")
def token_classification(out, work):
    save(out, vocabularies.bert(work), head="BertForTokenClassification", **models.named_labels(TAGS))


@directory("question-answering", "BertForQuestionAnswering", "no labels")
def question_answering(out, work):
    save(out, vocabularies.bert(work), head="BertForQuestionAnswering")


@directory("classification", "DistilBertForSequenceClassification", "another architecture with BERT's tokenizer")
def distilbert(out, work):
    save(out, vocabularies.distilbert(work), "distilbert", "DistilBertForSequenceClassification", num_labels=3)


@directory("classification", "RobertaForSequenceClassification", "byte pairs")
def roberta(out, work):
    save(out, vocabularies.roberta(work), "roberta", "RobertaForSequenceClassification")


@directory("causal-lm", "GPT2LMHeadModel", "generation_config.json and a chat template")
def gpt2(out, work):
    tokenizer = vocabularies.gpt2(work, pad_token="<|endoftext|>")
    tokenizer.chat_template = CHAT_TEMPLATE
    model = models.make("gpt2", "GPT2LMHeadModel", tokenizer)
    model.generation_config.update(do_sample=True, temperature=0.7, top_p=0.9, max_new_tokens=20)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


@directory("classification", "GPT2ForSequenceClassification", "two chat templates, and buffers in the weights of other precision")
def chat_templates(out, work):
    tokenizer = vocabularies.gpt2(work, pad_token="<|endoftext|>")
    tokenizer.chat_template = {"default": CHAT_TEMPLATE, "tool_use": CHAT_TEMPLATE.replace("é", "ü") + "\n"}
    model = models.make("gpt2", "GPT2ForSequenceClassification", tokenizer, dtype=torch.bfloat16, num_labels=3, pad_token_id=0)
    model.register_buffer("steps", torch.arange(3))
    model.register_buffer("flags", torch.tensor([True, False]))
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


@directory("classification", CLASSIFIER, "one pytorch_model.bin", V4)
def bin_one_file(out, work):
    save(out, vocabularies.bert(work), safe=False)


@directory("masked-lm", "BertForMaskedLM", "pytorch_model.bin in shards, bf16", V4)
def bin_shards(out, work):
    save(out, vocabularies.bert(work), head="BertForMaskedLM", safe=False, shard="4KB", dtype=torch.bfloat16)
