"""Parameters of small models of every class that has a table, as `named_parameters()` lists them, with what `Trainer` decays.

Run with torch 2.15.0 and transformers 5.23.0 and with 4.57.6; writes `parameters_RELEASE.json` beside this file.
"""

import json
from pathlib import Path

import torch
import transformers
from transformers import BertConfig, DistilBertConfig, GPT2Config, RobertaConfig, Trainer

COMMON = {"vocab_size": 11}
SMALL = {**COMMON, "hidden_size": 4, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 6, "max_position_embeddings": 8}
GPT2 = {**COMMON, "n_embd": 4, "n_layer": 2, "n_head": 2, "n_positions": 8}
CONFIGS = {
    "bert": [BertConfig(**SMALL), BertConfig(**SMALL, tie_word_embeddings=False)],
    "roberta": [RobertaConfig(**SMALL, type_vocab_size=1)],
    "distilbert": [DistilBertConfig(**COMMON, dim=4, n_layers=2, n_heads=2, hidden_dim=6, max_position_embeddings=8)],
    "gpt2": [GPT2Config(**GPT2), GPT2Config(**GPT2, n_inner=7, tie_word_embeddings=False)],
}
HEADS = {
    "bert": "BertModel BertForPreTraining BertForMaskedLM BertForNextSentencePrediction BertForSequenceClassification BertForMultipleChoice BertForTokenClassification BertForQuestionAnswering",
    "roberta": "RobertaModel RobertaForMaskedLM RobertaForSequenceClassification RobertaForMultipleChoice RobertaForTokenClassification RobertaForQuestionAnswering",
    "distilbert": "DistilBertModel DistilBertForMaskedLM DistilBertForSequenceClassification DistilBertForMultipleChoice DistilBertForTokenClassification DistilBertForQuestionAnswering",
    "gpt2": "GPT2Model GPT2LMHeadModel GPT2ForSequenceClassification GPT2ForTokenClassification GPT2ForQuestionAnswering",
}


def case(config, name):
    config.num_labels = 2 if name.endswith("QuestionAnswering") else 3
    model = getattr(transformers, name)(config)
    decayed = set(Trainer.get_decay_parameter_names(None, model))
    owners = {parameter.data_ptr(): key for key, parameter in model.named_parameters()}
    return {
        "config": {**config.to_dict(), "architectures": [name]},
        "generates": model.can_generate(),
        "parameters": [[key, list(parameter.shape), key in decayed] for key, parameter in model.named_parameters()],
        "tied": {key: owners[tensor.data_ptr()] for key, tensor in model.state_dict().items() if owners.get(tensor.data_ptr(), key) != key},
    }


if __name__ == "__main__":
    cases = [case(config, name) for kind, heads in HEADS.items() for config in CONFIGS[kind] for name in heads.split()]
    versions = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}
    text = ",\n".join(json.dumps(case) for case in cases)
    Path(__file__).with_name(f"parameters_{transformers.__version__}.json").write_text(f'{{"versions": {json.dumps(versions)}, "cases": [\n{text}\n]}}\n', encoding="utf-8")
